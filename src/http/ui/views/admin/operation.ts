import { formatBytes } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import { type AdminVisit, sendAdminView } from './admin-view.ts';

/** Shows the scheduled jobs with their last run and failure. */
export async function showSchedule(visit: AdminVisit): Promise<void> {
  const { operation, texts, language, now } = visit;
  const { schedule } = texts.admin;
  const runs = await operation.jobRuns();
  const rows = runs.map(({ name, endedAt, milliseconds, failedAt, error }) => ({
    heading: html`<code>${name}</code>`,
    cells: [
      relativeTime(endedAt, now, language),
      schedule.seconds((milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)),
      failedAt === endedAt ? chip(visit, false) : chip(visit, true),
      failedAt === null ? '' : html`${relativeTime(failedAt, now, language)}: ${error}`,
    ],
  }));
  const columns = [schedule.job, schedule.lastRun, schedule.duration, schedule.result, schedule.lastFailure];
  const content = html`<p class="quiet">${schedule.help}</p>
    ${rows.length === 0 ? html`<p>${schedule.none}</p>` : table(schedule.caption, columns, rows)}`;
  sendAdminView(visit, 'schedule', content);
}

function chip({ texts }: AdminVisit, isGood: boolean): Html {
  const { health } = texts.admin;
  return isGood ? html`<span class="chip ok">${health.good}</span>` : html`<span class="chip bad">${health.bad}</span>`;
}

/** Shows whether the parts of the installation work. */
export async function showHealth(visit: AdminVisit): Promise<void> {
  const { operation, texts, language, now } = visit;
  const { health } = texts.admin;
  const { version, stores, workers, disk, upstreams, certificateUntil } = await operation.health();
  const parts = [
    ...stores.map(({ part, name, error }) => ({
      heading: `${health.stores[part]}: ${name}`,
      cells: [chip(visit, error === undefined), error],
    })),
    ...upstreams.map(({ name, isReachable }) => ({
      heading: `${health.upstream}: ${name}`,
      cells: [chip(visit, isReachable), isReachable ? '' : health.unreachable],
    })),
  ];
  const content = html`<dl>
      <dt>${health.version}</dt>
      <dd>${version}</dd>
      <dt>${health.workers}</dt>
      <dd>${workers}</dd>
      <dt>${health.disk}</dt>
      <dd>${disk ? health.free(formatBytes(disk.freeBytes), formatBytes(disk.totalBytes)) : health.bucket}</dd>
      <dt>${health.certificate}</dt>
      <dd>${certificateUntil === undefined ? health.noCertificate : relativeTime(certificateUntil, now, language)}</dd>
    </dl>
    ${table(health.caption, [health.part, health.state, health.detail], parts)}`;
  sendAdminView(visit, 'health', content);
}
