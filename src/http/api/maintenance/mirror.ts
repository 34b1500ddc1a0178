import { z } from 'zod';
import { parseDigest } from '../../../oci/digest.ts';
import { toDateTime } from '../table/date-time.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';

const bytes = z.number().meta({ description: 'bytes' });

const figures = {
  requests: z.number().meta({ description: 'requests that were answered' }),
  hits: z.number().meta({ description: 'answered without a new download' }),
  failures: z.number().meta({ description: 'answered with an error' }),
  servedBytes: bytes.meta({ description: 'given to clients' }),
  fetchedBytes: bytes.meta({ description: 'bytes of blobs that the upstream sent' }),
  savedBytes: bytes.meta({ description: 'given to clients, and not sent again by the upstream' }),
};

const summary = z
  .object({
    sizeBytes: bytes,
    maxBytes: bytes.meta({ description: 'mirror.maxSize' }),
    pinnedBytes: bytes,
    upstreams: z.array(
      z.object({
        upstream: z.string(),
        ...figures,
        circuits: z
          .object({ host: z.number(), logins: z.number(), repositories: z.number() })
          .meta({ description: 'parts of the upstream that get no requests now' }),
        limit: z.object({ limit: z.number(), remaining: z.number() }).nullable().meta({ description: 'pulls that it allows' }),
        refusedLogins: z.number(),
      }),
    ),
  })
  .meta({ id: 'MirrorSummary' });

const series = z
  .object({
    from: s.dateTime,
    periodSeconds: z.number(),
    items: z.array(z.object({ upstream: z.string(), at: s.dateTime.meta({ description: 'begin of the period' }), ...figures })),
  })
  .meta({ id: 'MirrorSeries' });

const fill = z
  .object({
    upstream: z.string(),
    repository: z.string(),
    digest: z.string(),
    sizeBytes: bytes.nullable().meta({ description: 'null: the upstream has not begun to send' }),
    receivedBytes: bytes,
    requests: z.number().meta({ description: 'requests of clients for it since it began' }),
  })
  .meta({ id: 'MirrorFill' });

const content = z
  .object({
    digest: z.string(),
    sizeBytes: bytes,
    usedAt: s.dateTime,
    manifest: z.boolean(),
    pinned: z.enum(['no', 'by hand', 'by the configuration']),
    repositories: z.array(z.string()).meta({ description: 'at most three' }),
  })
  .meta({ id: 'MirrorContent' });

const period = z.object({
  days: z.coerce.number<string>().int().min(1).max(90).default(1).meta({ description: 'how many days back, at most 90' }),
});
const order = z.object({ by: z.enum(['size', 'use']).default('size') });

const chosen = z.strictObject({
  digest: s.text.transform((text, { issues }) => {
    const digest = parseDigest(text);
    if (digest) return digest;
    issues.push({ code: 'custom', message: 'digest must be a digest', input: text });
    return z.NEVER;
  }),
});

async function showSummary({ query }: { readonly query: z.output<typeof period> }, { mirror }: Context) {
  const { upstreams, ...sizes } = await mirror.summary(query.days);
  return { ...sizes, upstreams: upstreams.map(({ limit = null, ...rest }) => ({ ...rest, limit })) };
}

async function showSeries({ query }: { readonly query: z.output<typeof period> }, { mirror }: Context) {
  const { from, periodMs, periods } = await mirror.series(query.days);
  const items = periods.map(({ hour, ...sums }) => ({ ...sums, at: toDateTime(hour) }));
  return { from: toDateTime(from), periodSeconds: periodMs / 1000, items };
}

async function listFills(_input: unknown, { mirror }: Context) {
  const fills = await mirror.fills();
  return { items: fills.map(({ sizeBytes = null, ...rest }) => ({ ...rest, sizeBytes })) };
}

async function listContent({ query }: { readonly query: z.output<typeof order> }, { mirror }: Context) {
  const found = await mirror.content(query.by);
  const items = found.map(({ digest, sizeBytes, usedAt, isManifest, isPinned, isPinnedByHand, repositories }) => {
    const pinned = isPinnedByHand ? ('by hand' as const) : isPinned ? ('by the configuration' as const) : ('no' as const);
    return { digest, sizeBytes, usedAt: toDateTime(usedAt), manifest: isManifest, pinned, repositories };
  });
  return { items };
}

type Chosen = { readonly body: z.output<typeof chosen> };

/** Rows of the API: the mirror. */
export const mirrorRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/mirror/summary',
    summary: 'Show what the mirror did for each upstream, its limits and circuits, and the size of the cache',
    needs: 'admin',
    query: period,
    returns: ok(summary),
    handler: showSummary,
  }),
  route({
    method: 'GET',
    path: '/mirror/upstreams',
    summary: 'Show what the mirror did for each upstream by hour; in longer periods for more than two days',
    needs: 'admin',
    query: period,
    returns: ok(series),
    handler: showSeries,
  }),
  route({
    method: 'GET',
    path: '/mirror/fills',
    summary: 'List downloads in progress, of all processes',
    needs: 'admin',
    returns: ok(z.object({ items: z.array(fill) })),
    handler: listFills,
  }),
  route({
    method: 'GET',
    path: '/mirror/content',
    summary: 'List the 50 largest or most recently used contents of the cache',
    needs: 'admin',
    query: order,
    returns: ok(z.object({ items: z.array(content) })),
    handler: listContent,
  }),
  route({
    method: 'POST',
    path: '/mirror/content/pin',
    summary: 'Keep content, and what it references, from being evicted',
    needs: 'admin',
    body: chosen,
    returns: noContent,
    handler: ({ body }: Chosen, { mirror }) => mirror.pin(body.digest),
  }),
  route({
    method: 'POST',
    path: '/mirror/content/unpin',
    summary: 'Let content, and what it references, be evicted again',
    needs: 'admin',
    body: chosen,
    returns: noContent,
    handler: ({ body }: Chosen, { mirror }) => mirror.unpin(body.digest),
  }),
  route({
    method: 'POST',
    path: '/mirror/content/evict',
    summary: 'Delete content from the cache; 409 if it is pinned or in use',
    needs: 'admin',
    body: chosen,
    returns: noContent,
    handler: ({ body }: Chosen, { mirror }) => mirror.evict(body.digest),
  }),
];
