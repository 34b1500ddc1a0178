import type { ClientChecks } from '../../../mirror/check/client-checks.ts';
import type { ClientName } from '../../../mirror/names/client-config.ts';
import type { Principal } from '../../../access/permissions/principal.ts';
import { copyField } from '../parts/copy-field.ts';
import { relativeTime } from '../parts/time.ts';
import { type Html, html } from '../shell/html.ts';
import type { Texts } from '../texts/english/texts.ts';
import type { Language } from '../texts/languages.ts';

export interface CheckView {
  readonly texts: Texts;
  readonly language: Language;
  readonly now: number;
  readonly visitor: Principal;
  readonly client: ClientName;
  /** Host and port of this server as clients write them. */
  readonly host: string;
  readonly mirrorsDockerHub: boolean;
}

/** Shows the test of a client: the button that begins it, or the commands of the code and which client has used it. */
export async function checkSection(view: CheckView, checks: ClientChecks, code: string | null): Promise<Html> {
  const { setup } = view.texts;
  const found = code === null ? undefined : await checks.find(code, view.visitor.id);
  return html`<h2 id="check">${setup.check.title}</h2>
    <p>${setup.check.help}</p>
    ${found && code !== null ? html`${resultOf(view, found.use)} ${commands(view, code)}` : undefined}
    ${code !== null && !found ? html`<p class="wrong" role="alert">${setup.check.ended}</p>` : undefined}
    <p class="actions">
      ${
        found && !found.use
          ? html`<a class="button" href="?client=${view.client}&check=${code ?? ''}#check">${setup.check.look}</a>`
          : undefined
      }
    </p>
    <form method="post" action="/ui/setup/check">
      <input type="hidden" name="client" value="${view.client}" />
      <button>${setup.check.begin}</button>
    </form>`;
}

type Use = NonNullable<Awaited<ReturnType<ClientChecks['find']>>>['use'];

function resultOf({ texts: { setup }, language, now }: CheckView, use: Use): Html {
  if (!use) return html`<p class="note" role="status">${setup.check.waiting}</p>`;
  const { client, address, upstream, at } = use;
  const way = upstream === '' ? setup.check.directly : setup.check.asMirror(upstream);
  return html`<p class="note" role="status">
    <strong>${setup.check.used(client === '' ? setup.check.unknown : client, address)}</strong>
    ${relativeTime(at, now, language)}, ${way}
  </p>`;
}

/** How each client pulls an image of Docker Hub through its mirror. */
const pulls: Readonly<Record<ClientName, string>> = {
  docker: 'docker pull ',
  containerd: 'crictl pull docker.io/',
  podman: 'podman pull docker.io/',
  buildkit: 'FROM docker.io/',
  k3s: 'k3s crictl pull docker.io/',
  kaniko: 'FROM docker.io/',
};

function commands({ texts: { setup }, client, host, mirrorsDockerHub }: CheckView, code: string): Html {
  const image = `berth-check/${code}`;
  return html`${
      mirrorsDockerHub
        ? html`<p>${setup.check.throughMirror}</p>
            ${copyField(`${pulls[client]}${image}`)}`
        : undefined
    }
    <p>${setup.check.direct}</p>
    ${copyField(`${client === 'podman' ? 'podman' : 'docker'} pull ${host}/${image}`)}`;
}
