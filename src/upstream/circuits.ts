import type { LRUCache } from 'lru-cache';
import { type Breaker, createBreaker } from './breaker.ts';
import { createLru } from '../coordination/lru.ts';

/** The parts of an upstream that a request needs. */
export interface CircuitTarget {
  /** The repository's name at the upstream. */
  readonly remoteName: string;
  /** Key of the login that is used; undefined: none. */
  readonly login: string | undefined;
}

/**
 * The circuit breakers of one upstream: one for the upstream, one for each repository, one for each login. A repository
 * that fails stops no requests for others, and a login that is limited stops none by other logins.
 */
export interface Circuits {
  /** Runs `work`, or rejects at once with the error that has opened one of the three. */
  guard<Result>(target: CircuitTarget, work: () => Promise<Result>): Promise<Result>;
  /** Looks at every breaker: for a scrape of the metrics. */
  open(): OpenCircuits;
}

/** How many circuit breakers are open. */
export interface OpenCircuits {
  /** 1 where the whole upstream is not asked now. */
  readonly host: number;
  readonly logins: number;
  readonly repositories: number;
}

export interface CircuitsOptions {
  readonly now: () => number;
  /** From 0 to 1. */
  readonly random: () => number;
}

const maxRepositories = 10_000;
const maxLogins = 1000;

export function createCircuits(options: CircuitsOptions): Circuits {
  const host = createBreaker({ ...options, opensAt: ['unreachable', 'timeout'] });
  const repositories = createLru<Breaker>(maxRepositories);
  const logins = createLru<Breaker>(maxLogins);

  function repositoryBreaker(remoteName: string): Breaker {
    return remembered(repositories, remoteName, () => createBreaker(options));
  }

  function loginBreaker(login: string | undefined): Breaker {
    return remembered(logins, login ?? '', () => createBreaker({ ...options, opensAt: ['limited'] }));
  }

  return {
    async guard({ remoteName, login }, work) {
      const [ofRepository, ofLogin] = [repositoryBreaker(remoteName), loginBreaker(login)];
      // All are asked before the first one counts: a refusal of one is no failure for the others.
      const refused = host.refusal() ?? ofLogin.refusal() ?? ofRepository.refusal();
      if (refused) throw refused;
      return host.guard(() => ofRepository.guard(() => ofLogin.guard(work)), remoteName);
    },
    open: () => ({
      host: Number(host.isOpen),
      logins: [...logins.values()].filter(({ isOpen }) => isOpen).length,
      repositories: [...repositories.values()].filter(({ isOpen }) => isOpen).length,
    }),
  };
}

function remembered(breakers: LRUCache<string, Breaker>, key: string, create: () => Breaker): Breaker {
  const known = breakers.get(key);
  if (known) return known;
  const created = create();
  breakers.set(key, created);
  return created;
}
