import type { Request, Response, Router } from 'express';
import type { Principal } from '../../../../access/permissions/principal.ts';
import { OciError } from '../../../../oci/errors.ts';
import type { JobStatus } from '../../../../progress/job.ts';
import type { JobsOverview } from '../../../../progress/jobs-overview.ts';
import { jobViewerOf } from '../../../auth/job-viewer.ts';
import { shortDigest } from '../../parts/digest.ts';
import { noticeBox } from '../../parts/notice.ts';
import { formatBytes, formatCount } from '../../parts/size.ts';
import { table } from '../../parts/table.ts';
import { relativeTime } from '../../parts/time.ts';
import type { AsVisitor } from '../../session/visitors.ts';
import { type Html, html } from '../../shell/html.ts';
import type { Notices } from '../../shell/notice.ts';
import { sendPage } from '../../shell/page.ts';
import { preferencesOf, textsOf } from '../../shell/preferences.ts';
import { redirect } from '../../shell/redirect.ts';
import type { Texts } from '../../texts/english/texts.ts';
import type { Language } from '../../texts/languages.ts';

export interface JobsOptions {
  readonly services: { readonly jobs: JobsOverview };
  readonly notices: Notices;
  readonly asVisitor: AsVisitor;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** Seconds after which a browser without scripts loads a running job again. */
const refreshSeconds = 5;

/** Adds `/ui/jobs`, the visitor's jobs, and `/ui/jobs/ID` with the progress of one. Admins see all jobs. */
export function addJobs(router: Router, { services: { jobs }, notices, asVisitor, now }: JobsOptions): void {
  async function find(visitor: Principal, request: Request): Promise<JobStatus> {
    const job = await jobs.find(String(request.params['id']), jobViewerOf(visitor));
    if (!job) throw new OciError('NAME_UNKNOWN', { message: textsOf(request).jobs.gone });
    return job;
  }

  router.get(
    '/jobs',
    asVisitor(async (visitor, request, response) => {
      const view = viewOf(request, now());
      const found = await jobs.list(jobViewerOf(visitor));
      const content = found.length === 0 ? html`<p>${view.texts.jobs.none}</p>` : listOf(view, found);
      sendPage(response, 200, { title: view.texts.jobs.title, user: visitor.name, content });
    }),
  );
  router.get(
    '/jobs/:id',
    asVisitor(async (visitor, request, response) => {
      const job = await find(visitor, request);
      const notice = noticeBox(notices.take(request, response));
      sendJob(response, visitor, viewOf(request, now()), job, notice);
    }),
  );
  router.post(
    '/jobs/:id/cancel',
    asVisitor(async (visitor, request, response) => {
      const { jobs: texts } = textsOf(request);
      const { id, state } = await find(visitor, request);
      const isCancelled = await jobs.cancel(id, jobViewerOf(visitor));
      const line = isCancelled ? texts.cancelling : texts.states[state];
      notices.leave(request, response, { kind: isCancelled ? 'done' : 'wrong', lines: [line] }, String);
      redirect(response, `/ui/jobs/${encodeURIComponent(id)}`);
    }),
  );
}

interface View {
  readonly texts: Texts;
  readonly language: Language;
  /** Milliseconds since 1970. */
  readonly now: number;
}

function viewOf(request: Request, now: number): View {
  return { texts: textsOf(request), language: preferencesOf(request).language, now };
}

function listOf({ texts, language, now }: View, found: readonly JobStatus[]): Html {
  const { jobs } = texts;
  const rows = found.map((job) => ({
    heading: html`<a href="/ui/jobs/${encodeURIComponent(job.id)}">${subjectOf(job)}</a>`,
    cells: [
      jobs.kinds[job.kind],
      html`<span class="chip">${jobs.states[job.state]}</span>`,
      progressText(texts, job),
      relativeTime(job.startedAt, now, language),
    ],
  }));
  return table(jobs.caption, [jobs.job, jobs.kind, jobs.state, jobs.progress, jobs.started], rows);
}

function subjectOf({ kind, subject }: JobStatus): string {
  return kind === 'index' ? shortDigest(subject) : subject;
}

function progressText({ jobs }: Texts, { state, unit, done, total }: JobStatus): string {
  const counted = (count: number) => (unit === 'bytes' ? formatBytes(count) : formatCount(count));
  return jobs.units[unit](total === null || state === 'done' ? counted(done) : jobs.of(counted(done), counted(total)));
}

/** The element follows the job where there are scripts; without them, the browser loads the view again. */
function sendJob(response: Response, visitor: Principal, view: View, job: JobStatus, notice: Html | undefined): void {
  const { texts, language, now } = view;
  const { jobs } = texts;
  const { id, kind, state, done, total, startedAt, endedAt, result } = job;
  const path = `/ui/jobs/${encodeURIComponent(id)}`;
  const isRunning = state === 'running';
  const bar = html`<berth-job data-events="/api/v1/jobs/${encodeURIComponent(id)}/events" data-unit="${job.unit}">
    <span>${progressText(texts, job)}</span>
    <progress
      aria-label="${jobs.progress}"
      ${total === null ? undefined : html`max="${total}" value="${Math.min(done, total)}"`}
    ></progress>
  </berth-job>`;
  const content = html`<p><a href="/ui/jobs">${jobs.all}</a></p>
    ${notice}
    <dl>
      <dt>${jobs.kind}</dt>
      <dd>${jobs.kinds[kind]}</dd>
      <dt>${jobs.state}</dt>
      <dd><span class="chip">${jobs.states[state]}</span></dd>
      <dt>${jobs.progress}</dt>
      <dd>${isRunning ? bar : progressText(texts, job)}</dd>
      <dt>${jobs.started}</dt>
      <dd>${relativeTime(startedAt, now, language)}</dd>
      ${
        endedAt === null
          ? undefined
          : html`<dt>${jobs.ended}</dt>
              <dd>${relativeTime(endedAt, now, language)}</dd>`
      }
    </dl>
    ${explanationOf(texts, job)}
    <div class="buttons">
      ${state === 'done' && result !== '' ? html`<a class="button" href="${result}">${jobs.result}</a>` : undefined}
      ${isRunning ? html`<a class="button" href="${path}">${jobs.refresh}</a>` : undefined}
      ${
        job.canBeCancelled
          ? html`<form method="post" action="${path}/cancel"><button class="danger">${jobs.cancel}</button></form>`
          : undefined
      }
    </div>`;
  const refresh = isRunning ? { refreshSeconds } : {};
  sendPage(response, 200, { title: subjectOf(job), user: visitor.name, content, ...refresh });
}

function explanationOf({ jobs }: Texts, { state, message }: JobStatus): Html | undefined {
  if (state === 'lost') return html`<p class="wrong">${jobs.lostHelp}</p>`;
  if (state !== 'failed') return undefined;
  return html`<p class="wrong">${message === '' ? jobs.seeLog : message}</p>`;
}
