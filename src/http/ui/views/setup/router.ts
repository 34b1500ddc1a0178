import type { Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import type { ClientChecks } from '../../../../mirror/check/client-checks.ts';
import type { UpstreamChecks } from '../../../../mirror/check/upstream-checks.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { PublicUrl } from '../../../server/public-url.ts';
import type { MirrorServices } from '../../../system/mirror-config.ts';
import { loginCommand } from '../../parts/commands.ts';
import { copyField } from '../../parts/copy-field.ts';
import { noticeBox } from '../../parts/notice.ts';
import { openVisit } from '../../session/visit.ts';
import { type AsVisitor, mayAdminister } from '../../session/visitors.ts';
import { formOf } from '../../shell/form.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notices } from '../../shell/notice.ts';
import { sendPage } from '../../shell/page.ts';
import { textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { addressOf, choiceOf, configuration } from './configuration.ts';
import { checkSection } from './client-check.ts';
import { checkNotice, upstreamSection } from './upstream-check.ts';

export interface SetupOptions {
  readonly mirror: MirrorServices;
  /** True if clients have to sign in. */
  readonly hasLogins: boolean;
  readonly services: { readonly checks: ClientChecks | undefined; readonly upstreamChecks: UpstreamChecks };
  readonly publicUrl: PublicUrl;
  readonly asVisitor: AsVisitor;
  readonly notices: Notices;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds `/ui/setup`: how clients pull other registries' images through this server, how they sign in, and tests of the way. */
export function addSetup(router: Router, options: SetupOptions): void {
  const { services, asVisitor } = options;
  router.get(
    '/setup',
    asVisitor(async (visitor, request, response) => {
      const content = await setup(options, visitor, openVisit(options, visitor, request, response));
      sendPage(response, 200, { title: textsOf(request).setup.title, user: visitor.name, current: 'setup', content });
    }),
  );
  router.post(
    '/setup/check',
    asVisitor(async (visitor, request, response) => {
      if (!services.checks) throw new OciError('NAME_UNKNOWN');
      const { code } = await services.checks.begin(visitor.id);
      redirect(response, `${addressOf(choiceOf(options.mirror, formOf(request)))}&check=${code}#check`);
    }),
  );
  router.post(
    '/setup/upstream',
    asVisitor(async (visitor, request, response) => {
      const { form, texts, leaveNotice } = openVisit(options, visitor, request, response);
      const found = await services.upstreamChecks.run(form.get('test') ?? '');
      leaveNotice(checkNotice(texts, found, mayAdminister(visitor)));
      redirect(response, addressOf(choiceOf(options.mirror, form)));
    }),
  );
}

async function setup(options: SetupOptions, visitor: Principal, visit: ReturnType<typeof openVisit>): Promise<Html> {
  const { mirror, hasLogins, services, publicUrl } = options;
  const { texts, language, now, query, request } = visit;
  const base = new URL(publicUrl.base(request));
  const choice = choiceOf(mirror, query);
  const view = { texts, language, now, visitor, choice, host: base.host, upstreams: mirror.upstreams };
  const address = publicUrl.clientAddress(request);
  return html`${noticeBox(visit.takeNotice())}
    <p>${texts.setup.intro}</p>
    ${await configuration(view, mirror, base)} ${upstreamSection(view)}
    ${services.checks && (await checkSection(view, services.checks, query.get('check')))}
    <h2>${texts.setup.browser.title}</h2>
    ${browserLine(texts, base, request.headers.host ?? '', address)}
    ${hasLogins ? loginHelp(texts, base.host, visitor.name) : undefined}`;
}

/** Says that the browser has reached this server, and whether by the address that clients use. */
function browserLine({ setup: { browser } }: Texts, base: URL, host: string, address: string): Html {
  const isSame = host.toLowerCase() === base.host;
  return html`<p>
    ${browser.reached(address, host)}
    ${isSame ? browser.sameAddress(base.origin) : html`<strong>${browser.otherAddress(base.origin)}</strong>`}
  </p>`;
}

function loginHelp({ setup: texts }: Texts, host: string, user: string): Html {
  return html`<h2>${texts.login}</h2>
    <p>${texts.loginHelp}</p>
    ${copyField(loginCommand(host, user))}`;
}
