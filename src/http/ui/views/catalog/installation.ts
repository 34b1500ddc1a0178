import type { OperationOverview } from '../../../overviews/operation-report.ts';
import { formatBytes } from '../../parts/size.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';

/** Shows the disk, scheduled jobs that fail and upstreams that cannot be reached, each with a link to what to look at. */
export function installationSection({ home: { installation }, admin }: Texts, overview: OperationOverview): Html {
  const { disk, failedJobs, unreachableUpstreams } = overview;
  const failing = failedJobs.map(({ name }) => name).join(', ');
  const silent = unreachableUpstreams.join(', ');
  return html`<section class="installation" aria-labelledby="installation">
    <h2 id="installation">${installation.title}</h2>
    <dl>
      <dt>${admin.health.disk}</dt>
      <dd>
        ${
          disk
            ? html`<meter min="0" max="${disk.totalBytes}" value="${disk.totalBytes - disk.freeBytes}"></meter>
                <a href="/ui/storage">${admin.health.free(formatBytes(disk.freeBytes), formatBytes(disk.totalBytes))}</a>`
            : html`<a href="/ui/storage">${admin.health.bucket}</a>`
        }
      </dd>
      <dt>${admin.views.schedule}</dt>
      <dd>
        ${failing === '' ? undefined : html`<span class="chip bad">${admin.health.bad}</span>`}
        <a href="/ui/admin/schedule">${failing === '' ? installation.noneFails : failing}</a>
      </dd>
      <dt>${installation.upstreams}</dt>
      <dd>
        ${silent === '' ? undefined : html`<span class="chip bad">${admin.health.bad}</span>`}
        <a href="/ui/admin/health">${silent === '' ? installation.allAnswer : silent}</a>
      </dd>
    </dl>
  </section>`;
}
