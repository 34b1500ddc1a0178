import type { Principal } from '../../../../access/permissions/principal.ts';
import {
  type ClientName,
  type MirrorPlace,
  authorityFiles,
  clientConfig,
  clientNames,
  isClientName,
  obstacle,
} from '../../../../mirror/names/client-config.ts';
import type { Authority } from '../../../system/authority.ts';
import type { MirrorServices } from '../../../system/mirror-config.ts';
import { copyField } from '../../parts/copy-field.ts';
import { choice as choiceField, emptyForm } from '../../parts/fields.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';

/** The client that the visitor sets up, and the upstream that it shall pull through this server. */
export interface Choice {
  readonly client: ClientName;
  /** Undefined: all of them. */
  readonly upstream: string | undefined;
}

export interface SetupView {
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly visitor: Principal;
  readonly choice: Choice;
  /** Host and port of this server as clients write them. */
  readonly host: string;
  readonly upstreams: readonly string[];
}

/** Reads the choice of a query or a form; other texts count as no choice. */
export function choiceOf({ upstreams }: Pick<MirrorServices, 'upstreams'>, fields: URLSearchParams): Choice {
  const [client, upstream] = [fields.get('client') ?? '', fields.get('upstream') ?? ''];
  return {
    client: isClientName(client) ? client : 'docker',
    upstream: upstreams.includes(upstream) ? upstream : undefined,
  };
}

/** Returns the address of the view with this choice. */
export function addressOf({ client, upstream }: Choice): string {
  return `/ui/setup?${new URLSearchParams({ client, ...(upstream === undefined ? {} : { upstream }) }).toString()}`;
}

/** Returns the hidden fields that carry the choice through a form. */
export function choiceFields({ client, upstream = '' }: Choice): Html {
  return html`<input type="hidden" name="client" value="${client}" /><input type="hidden" name="upstream" value="${upstream}" />`;
}

/** Shows what to write into the configuration of the chosen client, and the certificate that it has to trust. */
export async function configuration(view: SetupView, { findAuthority, ...mirror }: MirrorServices, base: URL): Promise<Html> {
  const { texts, choice, upstreams, host } = view;
  const { setup } = texts;
  if (upstreams.length === 0) return html`<p>${setup.noUpstreams}</p>`;
  const authority = await findAuthority();
  const place = { ...mirror, base, hasAuthority: authority !== undefined, only: choice.upstream };
  return html`${choiceForm(view)} ${snippet(texts, choice.client, place)}
  ${authority && authoritySection(texts, authority, authorityFiles[choice.client](host))}`;
}

function choiceForm({ texts: { setup }, choice, upstreams }: SetupView): Html {
  return html`<form class="filter" method="get" action="/ui/setup">
    ${choiceField(
      emptyForm,
      'client',
      setup.client,
      clientNames.map((name) => [name, setup.names[name]]),
      choice.client,
    )}
    ${choiceField(
      emptyForm,
      'upstream',
      setup.upstream,
      [['', setup.allUpstreams], ...upstreams.map((name) => [name, name] as const)],
      choice.upstream ?? '',
    )}
    <button>${setup.show}</button>
  </form>`;
}

function snippet({ setup }: Texts, client: ClientName, place: MirrorPlace): Html {
  const reason = obstacle(client, place);
  if (reason !== undefined) return html`<p class="wrong">${setup.obstacles[reason]}</p>`;
  return html`<p>${setup.write[client]}</p>
    ${copyField(clientConfig(client, place).trimEnd())}`;
}

function authoritySection({ setup: { authority } }: Texts, { name, fingerprint }: Authority, file: string): Html {
  return html`<h2>${authority.title}</h2>
    <p>${authority.help(name)}</p>
    <p><a class="button" href="/_mirror/ca.crt" download>${authority.download}</a></p>
    <p>${authority.compare}</p>
    ${copyField(fingerprint)}
    <p>${authority.install}</p>
    ${copyField(`sudo install -D -m 644 ca.crt ${file}`)}`;
}
