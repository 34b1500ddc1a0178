import { mediaTypes } from '../../oci/media-types.ts';
import { OciError } from '../../oci/errors.ts';
import type { Page, Referrer } from '../../registry/listings.ts';
import { sendJson } from '../errors/json.ts';
import { type RequestContext, type MirrorSource, digestOf, setLink } from './request-context.ts';
import { describeMirrored } from '../server/mirrored.ts';
import type { Digest } from '../../oci/digest.ts';

/** Maximum items of one page, also if a client requests more or all. The `Link` header leads to the rest. */
const largestPage = 10_000;
/** Referrers have annotations: the bytes of a page are limited too, by the maximum size of a manifest. */
const largestReferrersPage = 500;

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

/** Sets `Link` to the next page at this server, under the path that the client used. */
function linkMirrored(context: RequestContext, next: URLSearchParams | undefined): void {
  if (!next) return;
  const namespace = context.query.get('ns');
  setLink(context, context.path, { ...Object.fromEntries(next), ...(namespace === null ? {} : { ns: namespace }) });
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

/** end-12a, end-12b GET /v2/<name>/referrers/<digest> */
export async function listReferrers(context: RequestContext): Promise<void> {
  const { protocol, repository, response, query } = context;
  const subject = digestOf(context);
  const artifactType = query.get('artifactType') ?? undefined;
  const items = pageSize(query, largestReferrersPage);
  const limit = { items, bytes: protocol.largestManifestBytes };
  const page = await protocol.registry.listings.referrers(repository, subject, { artifactType }, after(query), limit);
  if (context.mirrored) {
    const own = page.items.filter((item) => artifactType === undefined || item.artifactType === artifactType);
    return listMirroredReferrers(context, context.mirrored, subject, own.map(toDescriptor));
  }
  if (artifactType !== undefined) response.setHeader('OCI-Filters-Applied', 'artifactType');
  if (page.more) {
    const filter = artifactType === undefined ? {} : { artifactType };
    setLink(context, `/v2/${repository}/referrers/${subject}`, {
      ...filter,
      n: String(items),
      last: page.items.at(-1)?.digest ?? '',
    });
  }
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: page.items.map(toDescriptor) };
  sendJson(response, 200, index, mediaTypes.ociIndex);
}

/** Lists the referrers of the upstream and the local ones, each once. */
async function listMirroredReferrers(
  context: RequestContext,
  { mirror, source }: MirrorSource,
  subject: Digest,
  own: readonly { readonly digest: Digest }[],
): Promise<void> {
  const page = await mirror.referrers(source, subject, context.query);
  const artifactType = context.query.get('artifactType');
  const theirs = page.items.filter((item) => artifactType === null || item['artifactType'] === artifactType);
  const manifests = [...new Map([...own, ...theirs].map((item) => [item.digest, item])).values()];
  describeMirrored(context.response, page);
  linkMirrored(context, page.next);
  if (artifactType !== null) context.response.setHeader('OCI-Filters-Applied', 'artifactType');
  sendJson(context.response, 200, { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }, mediaTypes.ociIndex);
}

/** Returns the descriptor as JSON has it, which leaves out what is undefined. */
function toDescriptor({ mediaType, digest, sizeBytes, artifactType, annotations }: Referrer) {
  return { mediaType, digest, size: sizeBytes, artifactType, annotations };
}

/** Parses `n`, limited to `largest`. Numbers of up to 30 digits, such as 10^18, mean a large page. */
function pageSize(query: URLSearchParams, largest: number): number {
  const text = query.get('n');
  if (text === null) return largest;
  if (!/^\d{1,30}$/.test(text)) throw badQuery('n', text, 'a number of items');
  return Math.min(Number(text), largest);
}

/** Parses `last`, the end of the previous page. It need not exist. */
function after(query: URLSearchParams): string {
  const text = query.get('last') ?? '';
  if (!/^[\x21-\x7e]{0,255}$/.test(text)) throw badQuery('last', text, 'a name from the previous page');
  return text;
}

function badQuery(name: string, value: string, meaning: string): OciError {
  return new OciError('UNSUPPORTED', {
    status: 400,
    message: `${name} is not ${meaning}`,
    detail: { [name]: value.slice(0, 200) },
  });
}
