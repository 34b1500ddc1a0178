import { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import { OciError } from '../../../oci/errors.ts';
import { type JobStatus, jobKinds, jobStates, jobUnits } from '../../../progress/job.ts';
import { jobViewerOf } from '../../auth/job-viewer.ts';
import { type Context, type Route, file, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const job = z
  .object({
    id: z.string(),
    kind: z.enum(jobKinds),
    subject: z.string().meta({ description: 'a file, an image, an entry of the configuration' }),
    state: z.enum(jobStates).meta({ description: 'lost: the process that ran it has ended without a word' }),
    unit: z.enum(jobUnits).meta({ description: 'what done and total count' }),
    done: z.number(),
    total: z.number().nullable().meta({ description: 'null: unknown' }),
    message: z.string().meta({ description: 'why it failed; empty: the log of the server says it' }),
    result: z.string().meta({ description: 'path of the page that shows what it made; empty: there is none' }),
    startedAt: s.dateTime,
    endedAt: s.dateTime.nullable(),
    canBeCancelled: z.boolean(),
  })
  .meta({ id: 'Job' });

const byJob = z.object({ id: s.text });

const eventsQuery = z.object({
  after: z
    .string()
    .max(100)
    .optional()
    .meta({ description: 'the id of the last event that the client has; a browser sends it as Last-Event-ID' }),
});

function toJob({ startedAt, endedAt, ...status }: JobStatus): z.output<typeof job> {
  return { ...status, startedAt: isoTime(startedAt), endedAt: endedAt === null ? null : isoTime(endedAt) };
}

async function listJobs(_input: unknown, { jobs, principal }: Context) {
  return { items: (await jobs.list(jobViewerOf(principal))).map(toJob) };
}

async function findJob(id: string, { jobs, principal }: Context): Promise<JobStatus> {
  const found = await jobs.find(id, jobViewerOf(principal));
  if (!found) throw new OciError('NAME_UNKNOWN', { message: 'there is no such job: jobs are forgotten after a time' });
  return found;
}

async function showJob({ params }: { readonly params: z.output<typeof byJob> }, context: Context) {
  return toJob(await findJob(params.id, context));
}

async function cancelJob({ params }: { readonly params: z.output<typeof byJob> }, context: Context) {
  const { state } = await findJob(params.id, context);
  if (await context.jobs.cancel(params.id, jobViewerOf(context.principal))) return;
  throw new OciError('UNSUPPORTED', { status: 409, message: `the job cannot be cancelled: it is ${state}` });
}

/** Time after which a browser asks again, in milliseconds. */
const retryMilliseconds = 2000;

/** Sends the job whenever it changes, as Server-Sent Events, until it has ended. */
async function sendEvents(
  { params, query }: { readonly params: z.output<typeof byJob>; readonly query: z.output<typeof eventsQuery> },
  context: Context,
): Promise<void> {
  const { request, response } = context.exchange;
  await findJob(params.id, context);
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  const header = request.headers['last-event-id'];
  const after = typeof header === 'string' ? header : (query.after ?? '');
  const events = context.jobs.watch(params.id, jobViewerOf(context.principal), { after, signal: gone.signal });
  // The first look may be refused: then there is still an answer to send.
  const first = request.method === 'HEAD' ? ({ done: true } as const) : await events.next();
  response.writeHead(200, {
    'Content-Type': 'text/event-stream',
    'Cache-Control': 'no-store',
    // nginx collects responses otherwise.
    'X-Accel-Buffering': 'no',
  });
  if (request.method !== 'HEAD') response.write(`retry: ${retryMilliseconds}\n\n`);
  for (let next = first; next.done !== true; next = await events.next()) {
    const event = next.value;
    if (event === 'unchanged') response.write(':\n\n');
    else response.write(`id: ${event.version}\ndata: ${JSON.stringify(toJob(event.job))}\n\n`);
  }
  response.end();
}

/** Rows of the API: work that takes time, and its progress. */
export const jobRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/jobs',
    summary: 'List the jobs of the client, and for admins all jobs, newest first',
    needs: 'account',
    returns: ok(z.object({ items: z.array(job) })),
    handler: listJobs,
  }),
  route({
    method: 'GET',
    path: '/jobs/{id}',
    summary: 'Show a job of the client, or for admins any job',
    needs: 'account',
    params: byJob,
    returns: ok(job),
    handler: showJob,
  }),
  route({
    method: 'DELETE',
    path: '/jobs/{id}',
    summary: 'Cancel a job: it ends some seconds later',
    needs: 'account',
    params: byJob,
    returns: noContent,
    handler: cancelJob,
  }),
  route({
    method: 'GET',
    path: '/jobs/{id}/events',
    summary: 'Follow a job by Server-Sent Events, each with the whole job; the stream ends with the job',
    needs: 'account',
    params: byJob,
    query: eventsQuery,
    returns: file('text/event-stream'),
    handler: sendEvents,
  }),
];
