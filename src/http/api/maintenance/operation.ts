import { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import { type Context, type Route, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const jobRuns = z.object({
  items: z.array(
    z
      .object({
        name: z.string(),
        endedAt: s.dateTime.meta({ description: 'end of the last run in any process' }),
        seconds: z.number(),
        failedAt: s.dateTime.nullable().meta({ description: 'of the last failure' }),
        error: z.string(),
      })
      .meta({ id: 'ScheduledJob' }),
  ),
});

const health = z
  .object({
    version: z.string(),
    stores: z.array(z.object({ part: z.enum(['blobs', 'metadata']), name: z.string(), error: z.string().nullable() })),
    workers: z.number(),
    disk: z.object({ freeBytes: z.number(), totalBytes: z.number() }).nullable(),
    upstreams: z.array(z.object({ name: z.string(), reachable: z.boolean() })),
    certificateUntil: s.dateTime.nullable(),
  })
  .meta({ id: 'Health' });

async function listJobRuns(_input: unknown, { operation }: Context) {
  const runs = await operation.jobRuns();
  const items = runs.map(({ name, endedAt, milliseconds, failedAt, error }) => {
    const failed = failedAt === null ? null : isoTime(failedAt);
    return { name, endedAt: isoTime(endedAt), seconds: milliseconds / 1000, failedAt: failed, error };
  });
  return { items };
}

async function showHealth(_input: unknown, { operation }: Context) {
  const { version, stores, workers, disk, upstreams, certificateUntil } = await operation.health();
  return {
    version,
    workers,
    disk: disk ?? null,
    stores: stores.map(({ part, name, error }) => ({ part, name, error: error ?? null })),
    upstreams: upstreams.map(({ name, isReachable }) => ({ name, reachable: isReachable })),
    certificateUntil: certificateUntil === undefined ? null : isoTime(certificateUntil),
  };
}

/** Rows of the API about the running installation. */
export const operationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/schedule',
    summary: 'List the scheduled jobs with their last run and failure',
    needs: 'admin',
    returns: ok(jobRuns),
    handler: listJobRuns,
  }),
  route({
    method: 'GET',
    path: '/health',
    summary: 'Check the stores, the disk, the upstreams and the certificate',
    needs: 'admin',
    returns: ok(health),
    handler: showHealth,
  }),
];
