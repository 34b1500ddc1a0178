import type { Router } from 'express';
import {
  type ClientName,
  type MirrorPlace,
  clientConfig,
  clientNames,
  isClientName,
  obstacle,
} from '../../../mirror/names/client-config.ts';
import type { ClientChecks } from '../../../mirror/check/client-checks.ts';
import { OciError } from '../../../oci/errors.ts';
import type { PublicUrl } from '../../server/public-url.ts';
import { loginCommand } from '../parts/commands.ts';
import { copyField } from '../parts/copy-field.ts';
import { table } from '../parts/table.ts';
import { type AsVisitor, queryOf } from '../session/visitors.ts';
import { type Html, html } from '../shell/html.ts';
import { sendPage } from '../shell/page.ts';
import { formOf } from '../shell/form.ts';
import { preferencesOf, textsOf } from '../shell/preferences.ts';
import { redirect } from '../shell/redirect.ts';
import { checkSection } from './setup-check.ts';
import type { Texts } from '../texts/english/texts.ts';

export interface SetupOptions {
  readonly mirror: Omit<MirrorPlace, 'base'>;
  /** True if clients have to sign in. */
  readonly hasLogins: boolean;
  readonly services: { readonly checks: ClientChecks | undefined };
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds `/ui/setup`: how clients pull other registries' images through this server, and how they sign in. */
export function addSetup(
  router: Router,
  { mirror, hasLogins, services: { checks }, publicUrl, asVisitor, now }: SetupOptions,
): void {
  const mirrorsDockerHub = mirror.upstreams.includes('docker.io');
  router.get(
    '/setup',
    asVisitor(async (visitor, request, response) => {
      const texts = textsOf(request);
      const base = new URL(publicUrl.base(request));
      const query = queryOf(request);
      const client = clientOf(query);
      const { language } = preferencesOf(request);
      const view = { texts, language, now: now(), visitor, client, host: base.host, mirrorsDockerHub };
      const content = html`<p>${texts.setup.intro}</p>
        ${clientForm(texts, client)} ${snippet(client, { ...mirror, base })}
        ${checks && (await checkSection(view, checks, query.get('check')))}
        <h2>${texts.setup.upstreams}</h2>
        <p>${texts.setup.pullThrough}</p>
        ${upstreamTable(texts, mirror.upstreams, base.host)} ${hasLogins ? loginHelp(texts, base.host, visitor.name) : undefined}`;
      sendPage(response, 200, { title: texts.setup.title, user: visitor.name, current: 'setup', content });
    }),
  );
  router.post(
    '/setup/check',
    asVisitor(async (visitor, request, response) => {
      if (!checks) throw new OciError('NAME_UNKNOWN');
      const { code } = await checks.begin(visitor.id);
      redirect(response, `/ui/setup?client=${clientOf(formOf(request))}&check=${code}#check`);
    }),
  );
}

function clientOf(fields: URLSearchParams): ClientName {
  const asked = fields.get('client') ?? '';
  return isClientName(asked) ? asked : 'docker';
}

function clientForm({ setup }: Texts, chosen: ClientName): Html {
  const options = clientNames.map(
    (name) => html`<option value="${name}" ${name === chosen ? html`selected` : undefined}>${setup.names[name]}</option>`,
  );
  return html`<form class="filter" method="get" action="/ui/setup">
    <label>
      ${setup.client}
      <select name="client">
        ${options}
      </select>
    </label>
    <button>${setup.show}</button>
  </form>`;
}

function snippet(client: ClientName, place: MirrorPlace): Html {
  const reason = obstacle(client, place);
  return reason === undefined ? copyField(clientConfig(client, place).trimEnd()) : html`<p class="wrong">${reason}</p>`;
}

/** An image of each upstream; a name that is no upstream of the examples gets a place holder. */
const examples: Readonly<Record<string, string>> = {
  'docker.io': 'alpine',
  'ghcr.io': 'owner/image',
  'quay.io': 'prometheus/busybox',
  'registry.k8s.io': 'pause:3.10',
};

function upstreamTable({ setup }: Texts, upstreams: readonly string[], host: string): Html {
  const rows = upstreams.map((name) => ({
    heading: name,
    cells: [copyField(`docker pull ${host}/${name.replace(':', '_')}/${examples[name] ?? 'NAME'}`)],
  }));
  return table(setup.upstreams, [setup.upstream, setup.example], rows);
}

function loginHelp({ setup }: Texts, host: string, user: string): Html {
  return html`<h2>${setup.login}</h2>
    <p>${setup.loginHelp}</p>
    ${copyField(loginCommand(host, user))}`;
}
