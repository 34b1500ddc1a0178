import type { Router } from 'express';
import { authorize } from '../../../../access/permissions/authorize.ts';
import type { Principal } from '../../../../access/permissions/principal.ts';
import type { MirrorOverview } from '../../../../mirror/traffic/mirror-overview.ts';
import { type Digest, parseDigest } from '../../../../oci/digest.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { StorageView } from '../../../overviews/storage-view.ts';
import { shortDigest } from '../../parts/digest.ts';
import { noticeBox } from '../../parts/notice.ts';
import { formatBytes } from '../../parts/size.ts';
import { type AsVisitor, queryOf } from '../../session/visitors.ts';
import { formOf } from '../../shell/form.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notice, Notices } from '../../shell/notice.ts';
import { sendPage } from '../../shell/page.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import type { Texts } from '../../texts/english/texts.ts';
import { trafficChart } from './chart.ts';
import { type Reader, contentTable, fillsSection, upstreamsSection } from './sections.ts';

export interface MirrorViewOptions {
  readonly storage: Pick<StorageView, 'seesAll'>;
  readonly services: { readonly mirror: MirrorOverview };
  readonly notices: Notices;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Adds `/ui/mirror`: what the mirror did, does and has. Only those who may see totals see more than how to use it. */
export function addMirror(router: Router, options: MirrorViewOptions): void {
  const { storage, services, notices, asVisitor, now } = options;

  router.get(
    '/mirror',
    asVisitor(async (visitor, request, response) => {
      const reader = { texts: textsOf(request), language: preferencesOf(request).language, now: now() };
      const { mirror } = reader.texts;
      const details = storage.seesAll(visitor)
        ? await detailsOf(reader, services.mirror, queryOf(request), mayAdminister(visitor))
        : undefined;
      const content = html`${noticeBox(notices.take(request, response))}
        <p>${mirror.intro}</p>
        <p><a class="button" href="/ui/setup">${mirror.setup}</a></p>
        ${details}`;
      sendPage(response, 200, { title: mirror.title, user: visitor.name, current: 'mirror', content });
    }),
  );
  router.post(
    '/mirror/content',
    asVisitor(async (visitor, request, response) => {
      if (!mayAdminister(visitor)) throw new OciError('DENIED');
      const form = formOf(request);
      const digest = parseDigest(form.get('digest') ?? '');
      if (!digest) throw new OciError('DIGEST_INVALID');
      const texts = textsOf(request);
      notices.leave(request, response, await change(services.mirror, texts, form.get('action') ?? '', digest), texts.notice.more);
      redirect(response, '/ui/mirror');
    }),
  );
}

const mayAdminister = (visitor: Principal) => authorize(visitor, { action: 'administer' }) === 'allow';

const periods = [1, 7, 30] as const;
const orders = ['size', 'use'] as const;

async function detailsOf(reader: Reader, overview: MirrorOverview, query: URLSearchParams, mayChange: boolean): Promise<Html> {
  const { mirror } = reader.texts;
  const days = periods.find((one) => String(one) === query.get('days')) ?? 1;
  const by = orders.find((one) => one === query.get('by')) ?? 'size';
  const { upstreams, sizeBytes, maxBytes, pinnedBytes } = await overview.summary(days);
  if (upstreams.length === 0) return html`<p>${mirror.none}</p>`;
  const used = mirror.cacheOf(formatBytes(sizeBytes), formatBytes(maxBytes));
  return html`<h2>${mirror.upstreams}</h2>
    ${choice(mirror.period, periods, days, (one) => [`?days=${one}&by=${by}`, mirror.days[one]])}
    ${upstreamsSection(reader, upstreams)} ${trafficChart(reader.texts, await overview.series(days), reader.now)}
    ${fillsSection(reader, await overview.fills())}
    <h2>${mirror.cache}</h2>
    <p>
      <meter class="wide" min="0" max="${maxBytes}" value="${sizeBytes}" aria-label="${used}">${used}</meter>
      ${used} ${pinnedBytes > 0 ? mirror.pinned(formatBytes(pinnedBytes)) : undefined}
    </p>
    ${choice(mirror.order, orders, by, (one) => [`?days=${days}&by=${one}`, mirror.orders[one]])}
    ${contentTable(reader, await overview.content(by), mayChange)}`;
}

/** Links to the same view with another choice. */
function choice<Value>(
  label: string,
  values: readonly Value[],
  chosen: Value,
  linkOf: (value: Value) => readonly [href: string, text: string],
): Html {
  return html`<nav class="choice" aria-label="${label}">
    ${values.map((value) => {
      const [href, text] = linkOf(value);
      return html`<a href="${href}" ${value === chosen ? html`aria-current="true"` : undefined}>${text}</a> `;
    })}
  </nav>`;
}

/** Does what a button of the cache asks for. */
async function change(overview: MirrorOverview, { mirror }: Texts, action: string, digest: Digest): Promise<Notice> {
  const changes = {
    pin: [overview.pin, mirror.isPinned],
    unpin: [overview.unpin, mirror.isUnpinned],
    evict: [overview.evict, mirror.isEvicted],
  } as const;
  const name = (['pin', 'unpin', 'evict'] as const).find((known) => known === action);
  if (!name) throw new OciError('UNSUPPORTED', { status: 400, message: 'action must be pin, unpin or evict' });
  const [make, done] = changes[name];
  try {
    await make(digest);
    return { kind: 'done', lines: [done(shortDigest(digest))] };
  } catch (error) {
    if (error instanceof OciError && error.status < 500) return { kind: 'wrong', lines: [error.message] };
    throw error;
  }
}
