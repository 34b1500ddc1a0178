import type { ClientChecks } from '../../../../mirror/check/client-checks.ts';
import type { ClientName } from '../../../../mirror/names/client-config.ts';
import { copyField } from '../../parts/copy-field.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { type SetupView, addressOf, choiceFields } from './configuration.ts';

/** Shows the test of a client: the button that begins it, or the commands of the code and which client has used it. */
export async function checkSection(view: SetupView, checks: ClientChecks, code: string | null): Promise<Html> {
  const { setup } = view.texts;
  const found = code === null ? undefined : await checks.find(code, view.visitor.id);
  return html`<h2 id="check">${setup.check.title}</h2>
    <p>${setup.check.help}</p>
    ${found && code !== null ? html`${resultOf(view, found.use)} ${commands(view, code)}` : undefined}
    ${code !== null && !found ? html`<p class="wrong" role="alert">${setup.check.ended}</p>` : undefined}
    <p class="actions">
      ${
        found && !found.use
          ? html`<a class="button" href="${addressOf(view.choice)}&check=${code ?? ''}#check">${setup.check.look}</a>`
          : undefined
      }
    </p>
    <form method="post" action="/ui/setup/check">
      ${choiceFields(view.choice)}
      <button>${setup.check.begin}</button>
    </form>`;
}

type Use = NonNullable<Awaited<ReturnType<ClientChecks['find']>>>['use'];

function resultOf({ texts: { setup }, language, now }: SetupView, use: Use): Html {
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

function commands({ texts: { setup }, choice: { client }, host, upstreams }: SetupView, code: string): Html {
  const image = `berth-check/${code}`;
  return html`${
      upstreams.includes('docker.io')
        ? html`<p>${setup.check.throughMirror}</p>
            ${copyField(`${pulls[client]}${image}`)}`
        : undefined
    }
    <p>${setup.check.direct}</p>
    ${copyField(`${client === 'podman' ? 'podman' : 'docker'} pull ${host}/${image}`)}`;
}
