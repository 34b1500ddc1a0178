import { z } from 'zod';
import { describeOddity } from '../../../maintenance/adopt/report.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const adoption = z
  .object({
    startedAt: s.dateTime,
    runAt: s.dateTime.meta({ description: 'start of the newest run' }),
    endedAt: s.dateTime.nullable().meta({ description: 'null while the newest run is incomplete' }),
    finishedAt: s.dateTime.nullable().meta({ description: 'null while the other registry may run: no content is deleted' }),
    upstream: z
      .string()
      .nullable()
      .meta({ description: 'upstream whose pull-through cache is adopted; null: content is adopted as pushed' }),
    part: z.number().meta({ description: 'part of the newest run that is done, from 0 to 1' }),
    blobs: z.number(),
    bytes: z.number(),
    manifests: z.number(),
    tags: z.number(),
    oddities: z.array(z.object({ kind: z.string(), count: z.number() })),
  })
  .meta({ id: 'Adoption' });

const oddity = z.object({ path: z.string(), kind: z.string(), text: z.string() }).meta({ id: 'AdoptionOddity' });

/** Shows how far the adoption of another registry's store is; null if there was none. */
async function showAdoption(_input: unknown, { adoption }: Context) {
  const report = await adoption.find();
  if (!report) return { adoption: null };
  const { startedAt, runAt, endedAt, finishedAt, upstream, part, blobs, bytes, manifests, tags, oddities } = report;
  const times = { startedAt: toDateTime(startedAt), runAt: toDateTime(runAt) };
  const ends = {
    endedAt: endedAt === null ? null : toDateTime(endedAt),
    finishedAt: finishedAt === null ? null : toDateTime(finishedAt),
  };
  return { adoption: { ...times, ...ends, upstream, part, blobs, bytes, manifests, tags, oddities } };
}

/** Lists what is unusual in the store, by path and kind. */
async function listOddities({ query }: { readonly query: z.output<typeof s.pageByName> }, { adoption }: Context) {
  const [, path = '', kind = ''] = /^(.*) (\S+)$/s.exec(query.after) ?? [];
  const found = await adoption.listOddities({ path, kind }, query.limit);
  const last = found.length === query.limit ? found.at(-1) : undefined;
  const items = found.map((one) => ({ path: one.path, kind: one.kind, text: describeOddity(one) }));
  return { items, next: last && `${last.path} ${last.kind}` };
}

/** Rows of the API: the adoption of another registry's store. */
export const adoptionRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/adoption',
    summary: "Show how far the adoption of another registry's store is",
    needs: 'admin',
    returns: ok(z.object({ adoption: adoption.nullable() })),
    handler: showAdoption,
  }),
  route({
    method: 'GET',
    path: '/adoption/oddities',
    summary: 'List what is unusual in the adopted store, by path',
    needs: 'admin',
    query: s.pageByName,
    returns: ok(s.pageOf(oddity)),
    handler: listOddities,
  }),
];
