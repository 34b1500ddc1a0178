import { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import { OciError } from '../../../oci/errors.ts';
import { parsePlatform } from '../../../oci/platform.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import type { ListedRepository } from '../../catalog.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from '../table/schemas.ts';
import { imageQuery, parsed, repository } from './content-schemas.ts';

const direction = z.enum(['asc', 'desc']).optional().meta({ description: 'default: names ascending, all else descending' });
const cursor = s.text.optional().meta({ description: 'the `next` or `previous` of another page' });
const bothWays = z.object({ after: cursor, before: cursor, limit: s.limit, direction, prefix: s.text.default('') });
const repositoriesQuery = bothWays.extend({
  sort: z.enum(['name', 'pushed', 'pulled', 'size', 'tags']).default('name'),
  origin: z.enum(['own', 'mirrored']).optional(),
  starred: z.enum(['true']).optional().meta({ description: 'only repositories that the login has starred' }),
});
const tagsQuery = bothWays.extend({ repository, sort: z.enum(['name', 'pushed', 'pulled', 'size']).default('name') });
const oneRepository = z.object({ repository });
const newTexts = z.strictObject({
  repository,
  description: s.optional(z.string()).meta({ description: 'one line of at most 300 characters' }),
  readme: s.optional(z.string()).meta({ description: 'Markdown, at most 64 KiB' }),
});
const star = z.strictObject({ repository });
const describedImage = imageQuery.extend({
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
const pageBothWays = <Item extends z.ZodType>(item: Item) =>
  s.pageOf(item).extend({
    previous: z.string().optional().meta({ description: 'the `before` of the page before this one; missing on the first page' }),
    total,
  });

const listedRepository = z
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
const describedRepository = listedRepository
  .extend({
    readme: z.string().meta({ description: 'Markdown' }),
    describedAt: s.dateTime.nullable(),
    describedBy: z.string().optional(),
  })
  .meta({ id: 'DescribedRepository' });

const tag = z
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

interface Body<Schema extends z.ZodType> {
  readonly body: z.output<Schema>;
}

async function listRepositories({ query }: Query<typeof repositoriesQuery>, { catalog, principal }: Context) {
  const { sort: order, direction: wanted, origin, starred, ...page } = query;
  const { items, ...rest } = await catalog.repositories(principal, {
    ...page,
    order,
    isDescending: wanted && wanted === 'desc',
    isMirrored: origin && origin === 'mirrored',
    isStarred: starred === 'true',
  });
  return { ...rest, items: items.map(toRepository) };
}

function toRepository({ pushedAt, pulledAt: lastPull, ...entry }: ListedRepository) {
  const { name, description, isMirrored, isPublic, isStarred, stars, tags, sizeBytes } = entry;
  const times = { pushedAt: timeOf(pushedAt), pulledAt: timeOf(lastPull) };
  return { name, description, isMirrored, isPublic, isStarred, stars, tags, sizeBytes, ...times };
}

/** `milliseconds`: since 1970; 0 or undefined: never. */
function timeOf(milliseconds: number | undefined): string | null {
  return milliseconds === undefined || milliseconds === 0 ? null : isoTime(milliseconds);
}

async function showRepository({ query }: Query<typeof oneRepository>, { catalog, principal }: Context) {
  return describeRepository(catalog, principal, query.repository);
}

async function describeRepository(catalog: Context['catalog'], principal: Context['principal'], name: RepositoryName) {
  const entry = await catalog.repository(principal, name);
  if (!entry) throw new OciError('NAME_UNKNOWN', { detail: { name } });
  const { readme, updatedAt, updatedBy } = await catalog.texts.find(name);
  return { ...toRepository(entry), readme, describedAt: timeOf(updatedAt), describedBy: updatedBy };
}

async function changeRepository({ body }: Body<typeof newTexts>, { catalog, principal, author }: Context) {
  const { repository: name, ...texts } = body;
  await catalog.texts.change(name, texts, author);
  return describeRepository(catalog, principal, name);
}

async function addStar({ body }: Body<typeof star>, { catalog, principal }: Context) {
  await catalog.setStar(principal, body.repository, true);
}

async function removeStar({ query }: Query<typeof oneRepository>, { catalog, principal }: Context) {
  await catalog.setStar(principal, query.repository, false);
}

async function listTags({ query }: Query<typeof tagsQuery>, { catalog }: Context) {
  const { repository: name, sort: order, direction: wanted, ...page } = query;
  const { items, ...rest } = await catalog.tags(name, { ...page, order, isDescending: wanted && wanted === 'desc' });
  const tags = items.map((item) => ({ ...item, taggedAt: isoTime(item.taggedAt), pulledAt: timeOf(item.pulledAt) }));
  return { ...rest, items: tags };
}

function describeImage({ query }: Query<typeof describedImage>, { catalog }: Context) {
  return catalog.describe(query.repository, query.reference, query.platform);
}

/** Rows of the API: what repositories have. */
export const catalogRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/repositories',
    summary: 'List the repositories that the login may pull, in any order, in pages that go both ways',
    needs: 'account',
    query: repositoriesQuery,
    returns: ok(pageBothWays(listedRepository)),
    handler: listRepositories,
  }),
  route({
    method: 'GET',
    path: '/repository',
    summary: 'Show a repository with its README',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: oneRepository,
    returns: ok(describedRepository),
    handler: showRepository,
  }),
  route({
    method: 'PATCH',
    path: '/repository',
    summary: 'Change the description or the README of a repository',
    needs: { action: 'admin', repositoryOf: ({ body }) => body.repository },
    body: newTexts,
    returns: ok(describedRepository),
    handler: changeRepository,
  }),
  route({
    method: 'GET',
    path: '/tags',
    summary: 'List the tags of a repository with their images, in any order, without those for signatures',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: tagsQuery,
    returns: ok(pageBothWays(tag)),
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

/** Rows about what belongs to an account: there are none in mode open. */
export const starRoutes: readonly Route[] = [
  route({
    method: 'PUT',
    path: '/stars',
    summary: 'Star a repository',
    needs: { action: 'pull', repositoryOf: ({ body }) => body.repository },
    body: star,
    returns: noContent,
    handler: addStar,
  }),
  route({
    method: 'DELETE',
    path: '/stars',
    summary: 'Take the star of a repository away',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: oneRepository,
    returns: noContent,
    handler: removeStar,
  }),
];
