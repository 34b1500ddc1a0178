import type { Digest } from '../../oci/digest.ts';
import { mediaTypes } from '../../oci/media-types.ts';
import type { Referrer } from '../../registry/listings.ts';
import { sendJson } from '../errors/json.ts';
import { describeMirrored } from '../server/mirrored.ts';
import { after, linkMirrored, pageSize } from './page-query.ts';
import { type MirrorSource, type RequestContext, digestOf, setLink } from './request-context.ts';

/** Referrers have annotations: the bytes of a page are limited too, by the maximum size of a manifest. */
const largestReferrersPage = 500;

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
