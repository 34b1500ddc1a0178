import type { TrafficSeries } from '../../../../mirror/traffic/mirror-overview.ts';
import { formatBytes } from '../../parts/size.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';

const width = 960;
const height = 180;
/** For the line of times below the bars. */
const foot = 20;

/** Shows what clients got, by period: from the cache, and fetched for them, or what to do. The table beside it has the sums. */
export function trafficChart({ mirror }: Texts, { from, periodMs, periods }: TrafficSeries, now: number): Html {
  const count = Math.max(1, Math.floor((now - from) / periodMs) + 1);
  const bars = Array.from({ length: count }, (_, index) => {
    const at = from + index * periodMs;
    const found = periods.filter(({ hour }) => hour === at);
    const saved = found.reduce((sum, { savedBytes }) => sum + savedBytes, 0);
    return { at, saved, fetched: found.reduce((sum, { fetchedBytes }) => sum + fetchedBytes, 0) };
  });
  if (bars.every(({ saved, fetched }) => saved + fetched === 0)) return html`<p class="quiet">${mirror.noTraffic}</p>`;
  const largest = Math.max(1, ...bars.map(({ saved, fetched }) => saved + fetched));
  const step = width / count;
  const scale = (bytes: number) => Math.round((bytes / largest) * (height - foot - 16));
  const total = (name: 'saved' | 'fetched') => formatBytes(bars.reduce((sum, bar) => sum + bar[name], 0));
  const shown = bars.map(({ at, saved, fetched }, index) => {
    const [x, w] = [Math.round(index * step), Math.max(1, Math.round(step) - 2)];
    const [savedHeight, fetchedHeight] = [scale(saved), scale(fetched)];
    const base = height - foot;
    return html`<g>
      <title>${timeOf(at)}: ${formatBytes(saved)} ${mirror.fromCache}, ${formatBytes(fetched)} ${mirror.fromUpstream}</title>
      <rect class="space" x="${x}" y="0" width="${w}" height="${base}" />
      <rect class="saved" x="${x}" y="${base - savedHeight}" width="${w}" height="${savedHeight}" />
      <rect class="fetched" x="${x}" y="${base - savedHeight - fetchedHeight}" width="${w}" height="${fetchedHeight}" />
    </g>`;
  });
  return html`<figure class="chart">
    <figcaption>
      ${mirror.chart}: <span class="key saved"></span> ${mirror.fromCache} ${total('saved')}
      <span class="key fetched"></span> ${mirror.fromUpstream} ${total('fetched')}
    </figcaption>
    <svg viewBox="0 0 ${width} ${height}" role="img" aria-label="${mirror.chartLabel(total('saved'), total('fetched'))}">
      ${shown}
      <text x="0" y="12">${formatBytes(largest)}</text>
      <text x="0" y="${height - 4}">${timeOf(from)}</text>
      <text class="end" x="${width}" y="${height - 4}">${timeOf(bars.at(-1)?.at ?? from)}</text>
    </svg>
  </figure>`;
}

function timeOf(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}
