import type { Request, Router } from 'express';
import type { FoundRepository, Search } from '../../search/search.ts';
import type { RemoteRepository, RemoteSearch } from '../../mirror/remote/remote-search.ts';
import type { AccessControl, Subject } from '../auth/access-control.ts';
import { createRouter } from '../server/router.ts';

const usualResults = 25;
const maxResults = 100;
const longestTerm = 255;

/**
 * `docker search`: what is left of Docker's first protocol. A login that is not good is nobody's here: Docker takes any
 * answer but 200 for the end of the search, and sends no good one after it has been given a refresh token. Podman asks without
 * its login first, and goes on to `/v2/_catalog` with it only after another answer than 200.
 */
export function createSearchRouter(search: Search, access: AccessControl, elsewhere: Pick<RemoteSearch, 'find'>): Router {
  const router = createRouter();
  router.get('/_ping', (_request, response) => {
    response.setHeader('X-Docker-Registry-Standalone', 'true');
    response.json(true);
  });
  router.get('/search', async (request, response) => {
    const query = new URL(request.originalUrl, 'http://localhost').searchParams;
    const subject = await access.recognise(request);
    const term = query.get('q') ?? '';
    const most = resultsOf(query.get('n'));
    const remote = elsewhere.find(term.trim().toLowerCase().slice(0, longestTerm));
    const here = await search.find(term, most, access.visible(subject, ''));
    const found = [...here, ...(await added(here, await remote, subject))].slice(0, most);
    if (found.length === 0 && logsInLater(request)) await access.checkList(request);
    response.json({ query: term, num_results: found.length, results: found.map(toResult) });
  });
  return router;

  /** What is not here yet, and the client might pull through the mirror. */
  async function added(here: readonly FoundRepository[], remote: readonly RemoteRepository[], subject: Subject) {
    const known = new Set(here.map(({ name }) => name));
    const allowed = await Promise.all(remote.map(({ name }) => access.allows(subject, 'pull', name)));
    return remote.filter(({ name }, index) => allowed[index] === true && !known.has(name));
  }
}

/** True for clients of the containers/image library without a login: they say the protocol's version, docker does not. */
function logsInLater({ headers }: Request): boolean {
  return headers.authorization === undefined && headers['docker-distribution-api-version'] !== undefined;
}

function resultsOf(text: string | null): number {
  const number = /^\d{1,9}$/.test(text ?? '') ? Number(text) : usualResults;
  return Math.min(Math.max(number, 1), maxResults);
}

function toResult({ name, description, isOfficial, stars }: FoundRepository & { readonly stars?: number }): object {
  return { name, description, star_count: stars ?? 0, is_official: isOfficial, is_automated: false };
}
