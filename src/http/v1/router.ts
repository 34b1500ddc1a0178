import type { Request, Router } from 'express';
import type { CatalogEntry } from '../../catalog/repository-lists.ts';
import type { Search } from '../../search/search.ts';
import { viewerOf } from '../catalog.ts';
import type { RemoteRepository, RemoteSearch } from '../../mirror/remote/remote-search.ts';
import type { AccessControl, Subject } from '../auth/access-control.ts';
import { createRouter } from '../server/router.ts';

const usualResults = 25;
const maxResults = 100;
const longestTerm = 255;

/**
 * Serves `docker search`, the rest of Docker's first protocol. A request with an invalid login is anonymous: Docker ends the
 * search at every answer but 200, and sends no valid login after it got a refresh token. Podman sends its first request without
 * a login, and continues with `/v2/_catalog` and its login only after an answer other than 200.
 */
export function createSearchRouter(search: Search, access: AccessControl, remoteSearch: Pick<RemoteSearch, 'find'>): Router {
  const router = createRouter();
  router.get('/_ping', (_request, response) => {
    response.setHeader('X-Docker-Registry-Standalone', 'true');
    response.json(true);
  });
  router.get('/search', async (request, response) => {
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const subject = await access.recognise(request);
    const term = query.get('q') ?? '';
    const limit = resultsOf(query.get('n'));
    const remote = remoteSearch.find(term.trim().toLowerCase().slice(0, longestTerm));
    const { items } = await search.find(viewerOf(access, subject), term.slice(0, longestTerm), { offset: 0, limit });
    const local = items.map(toFound);
    const found = [...local, ...(await pullable(local, await remote, subject))].slice(0, limit);
    if (found.length === 0 && logsInLater(request)) await access.checkList(request);
    response.json({ query: term, num_results: found.length, results: found.map(toResult) });
  });
  return router;

  /** Returns the remote repositories that are not stored here and that the client may pull through the mirror. */
  async function pullable(local: readonly FoundRepository[], remote: readonly RemoteRepository[], subject: Subject) {
    const known = new Set(local.map(({ name }) => name));
    const allowed = await Promise.all(remote.map(({ name }) => access.allows(subject, 'pull', name)));
    return remote.filter(({ name }, index) => allowed[index] === true && !known.has(name));
  }
}

/** True for clients of the containers/image library without a login: they send the protocol's version, docker does not. */
function logsInLater({ headers }: Request): boolean {
  return headers.authorization === undefined && headers['docker-distribution-api-version'] !== undefined;
}

interface FoundRepository {
  readonly name: string;
  readonly description: string;
  /** True for the official images of Docker Hub. */
  readonly isOfficial: boolean;
  readonly stars?: number;
}

function toFound({ name, description, stars }: CatalogEntry): FoundRepository {
  return { name, description, stars, isOfficial: name.startsWith('docker.io/library/') };
}

function resultsOf(text: string | null): number {
  const number = /^\d{1,9}$/.test(text ?? '') ? Number(text) : usualResults;
  return Math.min(Math.max(number, 1), maxResults);
}

function toResult({ name, description, isOfficial, stars }: FoundRepository): object {
  return { name, description, star_count: stars ?? 0, is_official: isOfficial, is_automated: false };
}
