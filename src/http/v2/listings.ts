import type { Page } from '../../registry/listings.ts';
import { sendJson } from '../errors/json.ts';
import { describeMirrored } from '../server/mirrored.ts';
import { after, linkMirrored, pageSize } from './page-query.ts';
import { type MirrorSource, type RequestContext, setLink } from './request-context.ts';

/** Maximum items of one page, also if a client requests more or all. The `Link` header leads to the rest. */
const largestPage = 10_000;

/** end-8a, end-8b GET /v2/<name>/tags/list */
export async function listTags(context: RequestContext): Promise<void> {
  const { protocol, repository, response } = context;
  const limit = pageSize(context.query, largestPage);
  const last = after(context.query);
  if (context.mirrored) return listMirroredTags(context, context.mirrored);
  const page = await protocol.registry.listings.tags(repository, last, limit);
  if (page.more) setLink(context, `/v2/${repository}/tags/list`, { n: String(limit), last: page.items.at(-1) ?? '' });
  sendJson(response, 200, { name: repository, tags: page.items });
}

async function listMirroredTags(context: RequestContext, { mirror, source }: MirrorSource): Promise<void> {
  const page = await mirror.tags(source, context.query);
  describeMirrored(context.response, page);
  linkMirrored(context, page.next);
  sendJson(context.response, 200, { name: context.repository, tags: page.items });
}

/** GET /v2/_catalog (of Docker's protocol) */
export async function listRepositories(context: RequestContext): Promise<void> {
  const { protocol, subject, response } = context;
  const limit = pageSize(context.query, largestPage);
  const names = protocol.access.visible(subject, after(context.query));
  const page = names ? await pageOf(names, limit) : await protocol.registry.listings.repositories(after(context.query), limit);
  if (page.more) setLink(context, '/v2/_catalog', { n: String(limit), last: page.items.at(-1) ?? '' });
  sendJson(response, 200, { repositories: page.items });
}

/** Returns the first `limit` names. */
export async function pageOf(names: AsyncIterable<string>, limit: number): Promise<Page<string>> {
  const items: string[] = [];
  if (limit === 0) return { items, more: false };
  for await (const name of names) {
    if (items.length === limit) return { items, more: true };
    items.push(name);
  }
  return { items, more: false };
}
