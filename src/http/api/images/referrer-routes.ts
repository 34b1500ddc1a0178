import { z } from 'zod';
import { ImageError } from '../../../images/index/image-error.ts';
import type { ReferrerDocument } from '../../../images/referrers/document.ts';
import { referrerKinds } from '../../../images/referrers/kind.ts';
import { findPackages } from '../../../images/referrers/sbom.ts';
import { parseDigest } from '../../../oci/digest.ts';
import { parsed } from '../content/content-schemas.ts';
import { type Context, type Route, ok, route } from '../table/route.ts';
import { viewQuery } from './image-schemas.ts';

/** Rows about what belongs to images: signatures, SBOMs, provenance. Only signatures that a rule demands are verified. */

const maxPage = 1000;
const defaultPage = 200;

const size = z.number().int();
const addressQuery = viewQuery.omit({ wait: true });
const document = parsed(parseDigest, 'must be a digest')
  .optional()
  .meta({ description: 'digest of a document of the image; default: the first of this kind' });
const documentQuery = addressQuery.extend({ document });
const sbomQuery = documentQuery.extend({
  find: z.string().max(255).optional().meta({ description: 'part of a name or of a package URL' }),
  after: z.coerce.number<string>().int().min(0).optional().meta({ description: 'the `next` of the page before' }),
  limit: z.coerce.number<string>().int().min(1).max(maxPage).optional().meta({ description: 'default: 200' }),
});

const kind = z.enum(referrerKinds).meta({ description: 'a signature is present; only `policy` says whether one was verified' });
const referrers = z
  .object({
    items: z.array(
      z.object({
        digest: z.string(),
        size,
        kind,
        type: z.string().meta({ description: 'artifact type; empty if the artifact is not stored here' }),
        subject: z.string().meta({ description: 'the image or index that it belongs to' }),
        foundBy: z.enum(['subject', 'tag', 'index']),
        tag: z.string().nullable(),
        documents: z.array(
          z.object({ digest: z.string(), mediaType: z.string(), size, kind, predicateType: z.string().nullable() }),
        ),
      }),
    ),
    more: z.boolean().meta({ description: 'there are more than are listed' }),
    policy: z
      .object({
        signers: z.array(z.string()).meta({ description: 'one of them must have signed the image (signatures.rules)' }),
        signedBy: z
          .string()
          .nullable()
          .meta({ description: 'whose signature was verified; null: the image is not sent to clients' }),
        found: z.array(z.string()).meta({ description: 'why the signatures that are there do not count' }),
      })
      .nullable()
      .meta({ description: 'null: no rule demands a signature' }),
  })
  .meta({ id: 'ImageReferrers' });
const sbom = z
  .object({
    document: z.string(),
    format: z.string(),
    total: z.number(),
    more: z.boolean().meta({ description: 'the document has more than 50,000 packages' }),
    items: z.array(z.object({ name: z.string(), version: z.string(), license: z.string(), purl: z.string() })),
    next: z.number().nullable(),
  })
  .meta({ id: 'ImageSbom' });
const provenance = z
  .object({
    document: z.string(),
    format: z.string(),
    builder: z.string(),
    buildType: z.string(),
    source: z.string(),
    commit: z.string(),
    materials: z.array(z.string()),
  })
  .meta({ id: 'ImageProvenance' });

async function listReferrers({ query }: { readonly query: z.output<typeof addressQuery> }, context: Context) {
  const { items, hasMore, policy } = await (await context.images()).referrers.list(query);
  return {
    items: items.map(({ sizeBytes, tag, documents, ...item }) => ({
      ...item,
      size: sizeBytes,
      tag: tag === '' ? null : tag,
      documents: documents.map(({ digest, mediaType, sizeBytes, kind, predicateType }) => {
        return { digest, mediaType, size: sizeBytes, kind, predicateType: predicateType === '' ? null : predicateType };
      }),
    })),
    more: hasMore,
    policy: policy ? { signers: [...policy.signers], signedBy: policy.signedBy ?? null, found: [...policy.refusals] } : null,
  };
}

async function showSbom({ query }: { readonly query: z.output<typeof sbomQuery> }, context: Context) {
  const { find = '', after = 0, limit = defaultPage } = query;
  const { referrers } = await context.images();
  const { document, content } = await referrers.read(query, { digest: query.document, kind: 'sbom' });
  if (content.kind !== 'sbom') throw notReadable(content);
  const { format, packages, hasMore } = content;
  const found = findPackages(packages, find);
  const end = after + limit;
  const items = found.slice(after, end);
  return { document: document.digest, format, total: found.length, more: hasMore, items, next: end < found.length ? end : null };
}

async function showProvenance({ query }: { readonly query: z.output<typeof documentQuery> }, context: Context) {
  const { referrers } = await context.images();
  const { document, content } = await referrers.read(query, { digest: query.document, kind: 'provenance' });
  if (content.kind !== 'provenance') throw notReadable(content);
  const { format, builder, buildType, source, commit, materials } = content;
  return { document: document.digest, format, builder, buildType, source, commit, materials };
}

function notReadable(content: ReferrerDocument): ImageError {
  return new ImageError('unsupported', ('reason' in content && content.reason) || 'the document is of another kind');
}

const needs = {
  action: 'pull' as const,
  repositoryOf: ({ query }: { readonly query: z.output<typeof addressQuery> }) => query.repository,
};

export const referrerRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/image/referrers',
    summary: 'List signatures, SBOMs, attestations and other artifacts of an image',
    needs,
    query: addressQuery,
    returns: ok(referrers),
    handler: listReferrers,
  }),
  route({
    method: 'GET',
    path: '/image/sbom',
    summary: 'List the packages of an SBOM of an image (SPDX 2 or CycloneDX, also in an attestation)',
    needs,
    query: sbomQuery,
    returns: ok(sbom),
    handler: showSbom,
  }),
  route({
    method: 'GET',
    path: '/image/provenance',
    summary: 'Show how an image was built, as its SLSA provenance says',
    needs,
    query: documentQuery,
    returns: ok(provenance),
    handler: showProvenance,
  }),
];
