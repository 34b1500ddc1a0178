import type { OperationReport } from '../../../overviews/operation-report.ts';
import { formatBytes } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';
import { type AdminVisit, sendAdminView } from './admin-view.ts';

/** What the views of the running installation show, for an admin, or in mode open for every visitor. */
export interface OperationReader {
  readonly operation: OperationReport;
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/** Shows the scheduled jobs with their last run and failure. */
export async function showSchedule(visit: AdminVisit): Promise<void> {
  sendAdminView(visit, 'schedule', await scheduleContent(visit));
}

/** Shows whether the parts of the installation work. */
export async function showHealth(visit: AdminVisit): Promise<void> {
  sendAdminView(visit, 'health', await healthContent(visit));
}

export async function scheduleContent({ operation, texts, language, now }: OperationReader): Promise<Html> {
  const { schedule } = texts.admin;
  const runs = await operation.jobRuns();
  const rows = runs.map(({ name, endedAt, milliseconds, failedAt, error }) => ({
    heading: html`<code>${name}</code>`,
    cells: [
      relativeTime(endedAt, now, language),
      schedule.seconds((milliseconds / 1000).toFixed(milliseconds < 10_000 ? 2 : 0)),
      chip(texts, failedAt !== endedAt),
      failedAt === null ? '' : html`${relativeTime(failedAt, now, language)}: ${error}`,
    ],
  }));
  const columns = [schedule.job, schedule.lastRun, schedule.duration, schedule.result, schedule.lastFailure];
  return html`<p class="quiet">${schedule.help}</p>
    ${rows.length === 0 ? html`<p>${schedule.none}</p>` : table(schedule.caption, columns, rows)}`;
}

function chip({ admin: { health } }: Texts, isGood: boolean): Html {
  return isGood ? html`<span class="chip ok">${health.good}</span>` : html`<span class="chip bad">${health.bad}</span>`;
}

export async function healthContent({ operation, texts, language, now }: OperationReader): Promise<Html> {
  const { health } = texts.admin;
  const { version, stores, workers, disk, upstreams, certificateUntil } = await operation.health();
  const parts = [
    ...stores.map(({ part, name, error }) => ({
      heading: `${health.stores[part]}: ${name}`,
      cells: [chip(texts, error === undefined), error],
    })),
    ...upstreams.map(({ name, isReachable }) => ({
      heading: `${health.upstream}: ${name}`,
      cells: [chip(texts, isReachable), isReachable ? '' : health.unreachable],
    })),
  ];
  return html`<dl>
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
}
