import { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import { kindOfManifest } from '../../../oci/media-types.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import { type Context, type Route, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';
import { imageQuery, parsed, repository } from './content-schemas.ts';

const repositoriesQuery = s.pageByName.extend({ prefix: s.text.default('') });
const tagsQuery = s.pageByName.extend({ repository });
const describedImage = imageQuery.extend({
  platform: parsed(parsePlatform, 'must be a platform such as linux/arm64')
    .optional()
    .meta({ description: 'default: linux/amd64' }),
});

const kind = z.enum(['index', 'image', 'artifact']);
const content = z.object({ mediaType: z.string(), digest: z.string(), sizeBytes: z.number() });
const strings = z.array(z.string());
const named = z.record(z.string(), z.string());

const tag = z
  .object({
    name: z.string(),
    digest: z.string(),
    kind,
    taggedAt: s.dateTime,
    pulledAt: s.dateTime.nullable().meta({ description: 'null: no pull is recorded' }),
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

const image = z
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
      .object({ digest: z.string(), downloadBytes: z.number(), config: config.optional(), layers: z.array(content) })
      .optional(),
    files: z.array(content.extend({ name: z.string().optional() })),
  })
  .meta({ id: 'Image' });

interface Query<Schema extends z.ZodType> {
  readonly query: z.output<Schema>;
}

async function listRepositories({ query }: Query<typeof repositoriesQuery>, { catalog, principal }: Context) {
  const { items, more } = await catalog.repositories(principal, query.prefix, query.after, query.limit);
  return { items: items.map((name) => ({ name })), next: more ? items.at(-1) : undefined };
}

async function listTags({ query }: Query<typeof tagsQuery>, { catalog }: Context) {
  const { items, more } = await catalog.tags(query.repository, query.after, query.limit);
  const tags = items.map(({ name, digest, mediaType, artifactType, updatedAt, pulledAt }) => ({
    name,
    digest,
    kind: kindOfManifest(mediaType, artifactType),
    taggedAt: isoTime(updatedAt),
    pulledAt: pulledAt === null ? null : isoTime(pulledAt),
  }));
  return { items: tags, next: more ? items.at(-1)?.name : undefined };
}

function describeImage({ query }: Query<typeof describedImage>, { catalog }: Context) {
  return catalog.describe(query.repository, query.reference, query.platform);
}

/** Rows of the API: what repositories have. */
export const catalogRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/repositories',
    summary: 'List the repositories that the login may pull',
    needs: 'account',
    query: repositoriesQuery,
    returns: ok(s.pageOf(s.named)),
    handler: listRepositories,
  }),
  route({
    method: 'GET',
    path: '/tags',
    summary: 'List the tags of a repository with their manifests and times',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: tagsQuery,
    returns: ok(s.pageOf(tag)),
    handler: listTags,
  }),
  route({
    method: 'GET',
    path: '/image',
    summary: 'Describe an image: platforms, configuration, steps, layers, labels',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: describedImage,
    returns: ok(image),
    handler: describeImage,
  }),
];
