import { z } from 'zod';
import type { CorruptItem } from '../../../maintenance/verify/overview.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const run = z
  .object({
    depth: z.enum(['quick', 'deep']),
    sample: z.number().meta({ description: 'percent of the content' }),
    repositories: z.string().nullable().meta({ description: 'pattern; null: all content' }),
    requestedAt: s.dateTime,
    requestedBy: z.string(),
    checked: z.number(),
    corrupt: z.number(),
    unreadable: z.number(),
    endedAt: s.dateTime.nullable().meta({ description: 'null while it runs' }),
  })
  .meta({ id: 'VerificationRun' });

const status = z
  .object({
    coverage: z.number().meta({ description: 'part of the content that was stored or read within verify.every, from 0 to 1' }),
    corrupt: z.number().meta({ description: 'contents that are not served; counted up to 10,000' }),
    oldestCheck: s.dateTime.nullable().meta({ description: 'null: some content was never read since it was stored' }),
    run: run.nullable().meta({ description: 'the verification that was asked for last' }),
  })
  .meta({ id: 'VerificationStatus' });

const corruptContent = z
  .object({
    digest: z.string(),
    sizeBytes: z.number(),
    problem: z.enum(['missing', 'wrong_size', 'wrong_digest']),
    foundAt: s.dateTime,
    repairError: z.string().nullable().meta({ description: 'why it could not be fetched from its upstream' }),
    images: z.array(
      z.object({ repository: z.string(), digest: z.string(), tags: z.array(z.string()), platform: z.string().nullable() }),
    ),
    more: z.boolean().meta({ description: 'there are more images than are listed' }),
  })
  .meta({ id: 'CorruptContent' });

const newRun = z.strictObject({
  depth: z.enum(['quick', 'deep']).meta({ description: 'quick: existence and size; deep: every byte' }),
  sample: s.optional(z.number().int().min(1).max(100)).meta({ description: 'percent of the content, chosen at random' }),
  repositories: s.optional(s.pattern),
});

async function showVerification(_input: unknown, { verification }: Context) {
  const { coverage, corrupt, oldestCheck, run: last } = await verification.status();
  return {
    coverage,
    corrupt,
    oldestCheck: oldestCheck ? toDateTime(oldestCheck) : null,
    run: last
      ? {
          depth: last.depth,
          sample: last.percent,
          repositories: last.repositories ?? null,
          requestedAt: toDateTime(last.requestedAt),
          requestedBy: last.requestedBy,
          checked: last.checked,
          corrupt: last.corrupt,
          unreadable: last.unreadable,
          endedAt: last.endedAt === undefined ? null : toDateTime(last.endedAt),
        }
      : null,
  };
}

async function listCorrupt({ query }: { readonly query: z.output<typeof s.pageByName> }, { verification }: Context) {
  const { items, next } = await verification.listCorrupt(query.after, query.limit);
  return { items: items.map(toItem), next };
}

function toItem({ digest, sizeBytes, problem, foundAt, repairError, images, more }: CorruptItem) {
  const named = images.map((image) => ({ ...image, platform: image.platform ?? null }));
  return { digest, sizeBytes, problem, foundAt: toDateTime(foundAt), repairError, images: named, more };
}

/** Asks for a verification; the job of the cluster makes it. */
async function startVerification({ body }: { readonly body: z.output<typeof newRun> }, context: Context): Promise<void> {
  const { depth, sample = 100, repositories } = body;
  await context.verification.request({ depth, percent: sample, repositories, requestedBy: context.principal.name });
}

/** Rows of the API: verification of stored bytes. */
export const verificationRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/verify',
    summary: 'Show how much of the content was verified, and the verification that was asked for last',
    needs: 'admin',
    returns: ok(status),
    handler: showVerification,
  }),
  route({
    method: 'POST',
    path: '/verify',
    summary: 'Ask for a verification at the pace of verify.bandwidth; replaces one that has not ended',
    needs: 'admin',
    body: newRun,
    returns: noContent,
    handler: startVerification,
  }),
  route({
    method: 'GET',
    path: '/verify/corrupt',
    summary: 'List corrupt content and the images that need it, ascending by digest',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(s.pageOf(corruptContent)),
    handler: listCorrupt,
  }),
];
