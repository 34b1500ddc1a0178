import { LRUCache } from 'lru-cache';

/**
 * Slows down who guesses passwords. Only the address that guesses has to wait: nobody can lock a person out from
 * elsewhere. Counts lie in this process.
 */
export interface Throttle {
  /** How long `address` has to wait before it may try a password of `name`; 0: not at all. `isProven`: it has had it right. */
  waitSeconds(name: string, address: string, isProven: boolean): number;
  failed(name: string, address: string): void;
  succeeded(name: string, address: string): void;
}

/** Wrong passwords that are free: for one name, for all names of an address, and where the right one has been seen. */
const freeForName = 10;
const freeForAddress = 100;
const freeWhenProven = 1000;
/** One wrong password is forgotten after this. */
const forgetSeconds = 30;
const mostRemembered = 50_000;

interface Failures {
  readonly count: number;
  readonly at: number;
}

/** `now` in milliseconds. */
export function createThrottle(now: () => number): Throttle {
  const failures = new LRUCache<string, Failures>({ max: mostRemembered });

  function left(key: string): number {
    const found = failures.get(key);
    return found ? Math.max(0, found.count - (now() - found.at) / 1000 / forgetSeconds) : 0;
  }
  function add(key: string): void {
    failures.set(key, { count: left(key) + 1, at: now() });
  }
  const waitFor = (key: string, free: number) => Math.ceil(Math.max(0, left(key) - free + 1) * forgetSeconds);

  return {
    waitSeconds(name, address, isProven) {
      const from = networkOf(address);
      if (isProven) return left(from) < freeWhenProven ? 0 : waitFor(from, freeWhenProven);
      const wait = Math.max(
        left(pair(name, from)) < freeForName ? 0 : waitFor(pair(name, from), freeForName),
        left(from) < freeForAddress ? 0 : waitFor(from, freeForAddress),
      );
      return Math.min(wait, forgetSeconds);
    },
    failed(name, address) {
      const from = networkOf(address);
      add(pair(name, from));
      add(from);
    },
    succeeded(name, address) {
      failures.delete(pair(name, networkOf(address)));
    },
  };
}

function pair(name: string, network: string): string {
  return `${network} ${name}`;
}

/** Who has one IPv6 address has 2^64 of them: its network counts. */
function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::');
  const first = head.split(':').filter((group) => group !== '');
  const last = tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  return [...first, ...(address.includes('::') ? zeros : []), ...last].slice(0, 4).join(':');
}
