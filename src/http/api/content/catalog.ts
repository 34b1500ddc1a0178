import type { z } from 'zod';
import { isoTime } from '../../../access/accounts/time.ts';
import { OciError } from '../../../oci/errors.ts';
import type { RepositoryName } from '../../../oci/reference.ts';
import type { ListedRepository } from '../../catalog.ts';
import { type Context, type Route, noContent, ok, route } from '../table/route.ts';
import * as s from './catalog-schemas.ts';

interface Query<Schema extends z.ZodType> {
  readonly query: z.output<Schema>;
}

interface Body<Schema extends z.ZodType> {
  readonly body: z.output<Schema>;
}

async function listRepositories({ query }: Query<typeof s.repositoriesQuery>, { catalog, principal }: Context) {
  const { sort: order, direction: wanted, origin, starred, ...page } = query;
  const { items, total, next, previous } = await catalog.repositories(principal, {
    ...page,
    order,
    isDescending: wanted && wanted === 'desc',
    isMirrored: origin && origin === 'mirrored',
    isStarred: starred === 'true',
  });
  return { total, next, previous, items: items.map(toRepository) };
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

async function searchRepositories({ query }: Query<typeof s.searchQuery>, { catalog, principal }: Context) {
  const { q, after: offset, limit } = query;
  const { items, total: all, facets } = await catalog.search(principal, q, { offset, limit });
  const found = items.map((entry) => ({
    ...toRepository(entry),
    kind: entry.kind,
    platforms: entry.platforms.split(' ').filter(Boolean),
    isSigned: entry.isSigned,
  }));
  const end = offset + limit;
  return { items: found, total: all, facets, next: end < all.count ? String(end) : undefined };
}

async function showRepository({ query }: Query<typeof s.oneRepository>, { catalog, principal }: Context) {
  return describeRepository(catalog, principal, query.repository);
}

async function describeRepository(catalog: Context['catalog'], principal: Context['principal'], name: RepositoryName) {
  const entry = await catalog.repository(principal, name);
  if (!entry) throw new OciError('NAME_UNKNOWN', { detail: { name } });
  const { readme, updatedAt, updatedBy } = await catalog.texts.find(name);
  return { ...toRepository(entry), readme, describedAt: timeOf(updatedAt), describedBy: updatedBy };
}

async function changeRepository({ body }: Body<typeof s.newTexts>, { catalog, principal, author }: Context) {
  const { repository: name, ...texts } = body;
  await catalog.texts.change(name, texts, author);
  return describeRepository(catalog, principal, name);
}

async function addStar({ body }: Body<typeof s.star>, { catalog, principal }: Context) {
  await catalog.setStar(principal, body.repository, true);
}

async function removeStar({ query }: Query<typeof s.oneRepository>, { catalog, principal }: Context) {
  await catalog.setStar(principal, query.repository, false);
}

async function listTags({ query }: Query<typeof s.tagsQuery>, { catalog }: Context) {
  const { repository: name, sort: order, direction: wanted, ...page } = query;
  const { items, ...rest } = await catalog.tags(name, { ...page, order, isDescending: wanted && wanted === 'desc' });
  const tags = items.map((item) => ({ ...item, taggedAt: isoTime(item.taggedAt), pulledAt: timeOf(item.pulledAt) }));
  return { ...rest, items: tags };
}

async function describeImage({ query }: Query<typeof s.describedImage>, { catalog, principal }: Context) {
  const { image, ...description } = await catalog.describe(query.repository, query.reference, query.platform);
  if (!image) return description;
  const shared = await catalog.sharedLayers(principal, query.repository, image);
  const layers = image.layers.map((layer) => ({ ...layer, tags: shared.get(layer.digest) ?? { count: 0, isExact: false } }));
  return { ...description, image: { ...image, layers } };
}

/** Rows of the API: what repositories have. */
export const catalogRoutes: readonly Route[] = [
  route({
    method: 'GET',
    path: '/repositories',
    summary: 'List the repositories that the login may pull, in any order, in pages that go both ways',
    needs: 'account',
    query: s.repositoriesQuery,
    returns: ok(s.pageBothWays(s.listedRepository)),
    handler: listRepositories,
  }),
  route({
    method: 'GET',
    path: '/search',
    summary: 'Find repositories that the login may pull, the best match first',
    needs: 'account',
    query: s.searchQuery,
    returns: ok(s.searchResult),
    handler: searchRepositories,
  }),
  route({
    method: 'GET',
    path: '/repository',
    summary: 'Show a repository with its README',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.oneRepository,
    returns: ok(s.describedRepository),
    handler: showRepository,
  }),
  route({
    method: 'PATCH',
    path: '/repository',
    summary: 'Change the description or the README of a repository',
    needs: { action: 'admin', repositoryOf: ({ body }) => body.repository },
    changesContent: true,
    body: s.newTexts,
    returns: ok(s.describedRepository),
    handler: changeRepository,
  }),
  route({
    method: 'GET',
    path: '/tags',
    summary: 'List the tags of a repository with their images, in any order, without those for signatures',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.tagsQuery,
    returns: ok(s.pageBothWays(s.tag)),
    handler: listTags,
  }),
  route({
    method: 'GET',
    path: '/image',
    summary: 'Describe an image: platforms, configuration, steps, layers, labels',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.describedImage,
    returns: ok(s.image),
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
    body: s.star,
    returns: noContent,
    handler: addStar,
  }),
  route({
    method: 'DELETE',
    path: '/stars',
    summary: 'Take the star of a repository away',
    needs: { action: 'pull', repositoryOf: ({ query }) => query.repository },
    query: s.oneRepository,
    returns: noContent,
    handler: removeStar,
  }),
];
