import type { LiveFill, MirrorOverview, UpstreamSummary } from '../../../../mirror/traffic/mirror-overview.ts';
import { digestCode } from '../../parts/digest.ts';
import { byteSize, formatBytes, formatCount } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';

type Content = Awaited<ReturnType<MirrorOverview['content']>>[number];

/** The language of the visitor, and the time that the page shows. */
export interface Reader {
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Shows what the mirror did for each upstream, and what the upstream allows now. */
export function upstreamsSection({ texts: { mirror } }: Reader, upstreams: readonly UpstreamSummary[]): Html {
  const columns = [mirror.upstream, mirror.state, mirror.hits, mirror.served, mirror.fetched, mirror.saved, mirror.limit];
  const rows = upstreams.map((one) => ({
    heading: one.upstream,
    cells: [
      stateOf(mirror, one),
      hitsOf(mirror, one),
      byteSize(one.servedBytes),
      byteSize(one.fetchedBytes),
      byteSize(one.savedBytes),
      one.limit && mirror.of(formatCount(one.limit.remaining), formatCount(one.limit.limit)),
    ],
  }));
  return table(mirror.upstreams, columns, rows);
}

function stateOf(mirror: Texts['mirror'], { circuits, refusedLogins }: UpstreamSummary): Html | string {
  const problems = [
    ...(circuits.host > 0 ? [mirror.down] : []),
    ...(circuits.logins > 0 ? [mirror.limited] : []),
    ...(circuits.repositories > 0 ? [mirror.someFail(circuits.repositories)] : []),
    ...(refusedLogins > 0 ? [mirror.refused(refusedLogins)] : []),
  ];
  return problems.length === 0 ? mirror.up : html`<strong class="bad">${problems.join(', ')}</strong>`;
}

function hitsOf(mirror: Texts['mirror'], { requests, hits, failures }: UpstreamSummary): Html {
  if (requests === 0) return html`<span class="quiet">${mirror.noRequests}</span>`;
  const percent = requests === failures ? 0 : Math.floor((hits / (requests - failures)) * 100);
  const failed = failures === 0 ? undefined : html`, ${mirror.failures(formatCount(failures))}`;
  return html`${percent} % <span class="quiet">${mirror.requests(formatCount(requests))}${failed}</span>`;
}

/** Lists the downloads that run now, with their progress. */
export function fillsSection({ texts: { mirror } }: Reader, fills: readonly LiveFill[]): Html {
  const heading = html`<h2>${mirror.fills}</h2>`;
  if (fills.length === 0)
    return html`${heading}
      <p class="quiet">${mirror.noFills}</p>`;
  const rows = fills.map(({ upstream, repository, digest, sizeBytes, receivedBytes, requests }) => ({
    heading: html`${repository} ${digestCode(digest)}`,
    cells: [
      upstream,
      sizeBytes === undefined
        ? mirror.waiting
        : html`<meter min="0" max="${sizeBytes}" value="${receivedBytes}" aria-label="${mirror.progress}"></meter>
            ${mirror.of(formatBytes(receivedBytes), formatBytes(sizeBytes))}`,
      formatCount(requests),
    ],
  }));
  return html`${heading} ${table(mirror.fills, [mirror.repository, mirror.upstream, mirror.progress, mirror.askedFor], rows)}`;
}

/** Lists content of the cache. `mayChange`: with the buttons of an admin. */
export function contentTable(reader: Reader, contents: readonly Content[], mayChange: boolean): Html {
  const { mirror } = reader.texts;
  if (contents.length === 0) return html`<p class="quiet">${mirror.nothingCached}</p>`;
  const columns = [mirror.repository, mirror.content, mirror.size, mirror.used, ...(mayChange ? [mirror.actions] : [])];
  const rows = contents.map((content) => ({
    heading: html`${content.repositories.map((name) => html`<a href="/ui/r/${name}">${name}</a> `)}`,
    cells: [
      html`${digestCode(content.digest)} ${content.isManifest ? html`<span class="chip">${mirror.manifest}</span>` : undefined}
      ${content.isPinned && !content.isPinnedByHand ? html`<span class="chip">${mirror.byConfiguration}</span>` : undefined}`,
      byteSize(content.sizeBytes),
      relativeTime(content.usedAt, reader.now, reader.language),
      ...(mayChange ? [buttons(mirror, content)] : []),
    ],
  }));
  return table(mirror.cache, columns, rows);
}

function buttons(mirror: Texts['mirror'], { digest, isPinned, isPinnedByHand }: Content): Html {
  const button = (action: 'pin' | 'unpin' | 'evict') =>
    html`<button name="action" value="${action}" aria-label="${mirror[action]}: ${digest}">${mirror[action]}</button> `;
  return html`<form class="inline" method="post" action="/ui/mirror/content">
    <input type="hidden" name="digest" value="${digest}" />
    ${isPinnedByHand ? button('unpin') : button('pin')} ${isPinned ? undefined : button('evict')}
  </form>`;
}
