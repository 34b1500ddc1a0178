import { z } from 'zod';
import { parsePlatform } from '../../../oci/platform.ts';
import * as s from '../table/schemas.ts';
import { imageQuery, parsed, repository } from './content-schemas.ts';

/** The JSON of requests and responses about repositories, tags and images. */

const direction = z.enum(['asc', 'desc']).optional().meta({ description: 'default: names ascending, all else descending' });
const cursor = s.text.optional().meta({ description: 'the `next` or `previous` of another page' });
const bothWays = z.object({ after: cursor, before: cursor, limit: s.limit, direction, prefix: s.text.default('') });
export const repositoriesQuery = bothWays.extend({
  sort: z.enum(['name', 'pushed', 'pulled', 'size', 'tags']).default('name'),
  origin: z.enum(['own', 'mirrored']).optional(),
  starred: z.enum(['true']).optional().meta({ description: 'only repositories that the login has starred' }),
});
export const tagsQuery = bothWays.extend({ repository, sort: z.enum(['name', 'pushed', 'pulled', 'size']).default('name') });
export const searchQuery = z.object({
  q: s.text.meta({ description: 'words, and name: tag: ns: arch: label:k=v digest: kind: signed: age:' }),
  after: s.exactNumber.default(0),
  limit: s.limit,
});
export const oneRepository = z.object({ repository });
export const newTexts = z.strictObject({
  repository,
  description: s.optional(z.string()).meta({ description: 'one line of at most 300 characters' }),
  readme: s.optional(z.string()).meta({ description: 'Markdown, at most 64 KiB' }),
});
export const star = z.strictObject({ repository });
export const describedImage = imageQuery.extend({
  platform: parsed(parsePlatform, 'must be a platform such as linux/arm64')
    .optional()
    .meta({ description: 'default: linux/amd64' }),
});

const kind = z.enum(['index', 'image', 'artifact']);
const content = z.object({ mediaType: z.string(), digest: z.string(), sizeBytes: z.number() });
const strings = z.array(z.string());
const named = z.record(z.string(), z.string());

const pulledAt = s.dateTime.nullable().meta({ description: 'right to an hour; null: no pull is recorded' });
const total = z
  .object({ count: z.number(), isExact: z.boolean() })
  .meta({ id: 'Total', description: 'isExact: false if there are more than `count`' });
export const pageBothWays = <Item extends z.ZodType>(item: Item) =>
  s.pageOf(item).extend({
    previous: z.string().optional().meta({ description: 'the `before` of the page before this one; missing on the first page' }),
    total,
  });

export const listedRepository = z
  .object({
    name: z.string(),
    description: z.string(),
    isMirrored: z.boolean(),
    isPublic: z.boolean().optional().meta({ description: 'missing in mode open' }),
    isStarred: z.boolean(),
    stars: z.number(),
    tags: z.number(),
    sizeBytes: z.number().meta({ description: 'blobs and manifests, also those in the trash' }),
    pushedAt: s.dateTime.nullable(),
    pulledAt,
  })
  .meta({ id: 'Repository' });
const foundRepository = listedRepository
  .extend({ kind: z.string(), platforms: strings, isSigned: z.boolean() })
  .meta({ id: 'FoundRepository', description: 'kind, platforms and isSigned: of the latest image, once it is described' });
const facetValue = z.object({ value: z.string(), query: z.string(), count: z.number() }).meta({ id: 'FacetValue' });
const facetNames = z.enum(['namespace', 'platform', 'kind', 'signed', 'age']);
export const searchResult = s.pageOf(foundRepository).extend({
  total,
  facets: z.record(facetNames, z.array(facetValue)).meta({ description: 'of all that were found; query: narrows the search' }),
});
export const describedRepository = listedRepository
  .extend({
    readme: z.string().meta({ description: 'Markdown' }),
    describedAt: s.dateTime.nullable(),
    describedBy: z.string().optional(),
  })
  .meta({ id: 'DescribedRepository' });

export const tag = z
  .object({
    name: z.string(),
    digest: z.string(),
    kind,
    platforms: z
      .array(z.object({ platform: z.string(), digest: z.string(), downloadBytes: z.number().optional() }))
      .meta({ description: 'empty until the image is described, some seconds after its push' }),
    taggedAt: s.dateTime,
    taggedBy: z.string().optional(),
    pulledAt,
    isSigned: z.boolean().meta({ description: 'true if there is a signature: nothing has verified it' }),
    hasSbom: z.boolean(),
    otherNames: strings.meta({ description: 'the first other tags of the same digest' }),
  })
  .meta({ id: 'Tag' });

const config = z
  .object({
    platform: z.string().optional(),
    created: z.string().optional(),
    author: z.string().optional(),
    entrypoint: strings,
    command: strings,
    workingDirectory: z.string().optional(),
    user: z.string().optional(),
    stopSignal: z.string().optional(),
    environment: strings,
    ports: strings,
    volumes: strings,
    labels: named,
    steps: z.array(z.object({ instruction: z.string(), isEmpty: z.boolean() })),
  })
  .meta({ id: 'ImageConfig' });

const layer = content.extend({
  tags: total.meta({
    description:
      'listed tags of images with the layer that the login may pull, up to 100; up to a minute old. Layers after the first 100 are not counted: 0, not exact',
  }),
});

export const image = z
  .object({
    digest: z.string(),
    mediaType: z.string(),
    kind,
    artifactType: z.string().optional(),
    annotations: named,
    subject: z.string().optional(),
    tags: strings,
    platforms: z.array(
      z.object({ platform: z.string(), digest: z.string(), downloadBytes: z.number().optional(), isShown: z.boolean() }),
    ),
    image: z
      .object({ digest: z.string(), downloadBytes: z.number(), config: config.optional(), layers: z.array(layer) })
      .optional(),
    files: z.array(content.extend({ name: z.string().optional() })),
  })
  .meta({ id: 'Image' });
