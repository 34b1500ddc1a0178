import { LRUCache } from 'lru-cache';

/**
 * Slows down who guesses passwords. Only the address that guesses has to wait: nobody can lock a person out from
 * elsewhere. Counts lie in this process.
 */
export interface Throttle {
  /** How long `address` has to wait before it may try a password of `name`; 0: not at all. `isProven`: it has had it right. */
  waitSeconds(name: string, address: string, hasSucceeded: boolean): number;
  /** A password is about to be checked: it counts as wrong … */
  recordAttempt(name: string, address: string): void;
  /** … until it has been found right. */
  recordSuccess(name: string, address: string): void;
}

/** Wrong passwords that are free: for one name, for all names of an address, and where the right one has been seen. */
const freeForName = 10;
const freeForAddress = 100;
const freeAfterSuccess = 1000;
/** One wrong password is forgotten after this. */
const forgetSeconds = 30;
const longestWaitSeconds = 30;
const maxRemembered = 50_000;

/** Each wrong password adds to what is owed, and time takes away. */
interface Debt {
  readonly milliseconds: number;
  readonly at: number;
}

/** `now` in milliseconds. */
export function createThrottle(now: () => number): Throttle {
  const debts = new LRUCache<string, Debt>({ max: maxRemembered });

  function remainingDebt(key: string): number {
    const debt = debts.get(key);
    return debt ? Math.max(0, debt.milliseconds - (now() - debt.at)) : 0;
  }
  function add(key: string): void {
    debts.set(key, { milliseconds: remainingDebt(key) + forgetSeconds * 1000, at: now() });
  }
  function subtract(key: string): void {
    debts.set(key, { milliseconds: Math.max(0, remainingDebt(key) - forgetSeconds * 1000), at: now() });
  }
  function waitFor(key: string, free: number): number {
    const tooMuch = remainingDebt(key) / 1000 - (free - 1) * forgetSeconds;
    return Math.min(Math.max(0, Math.ceil(tooMuch)), longestWaitSeconds);
  }

  return {
    waitSeconds(name, address, isProven) {
      const from = networkOf(address);
      if (isProven) return waitFor(from, freeAfterSuccess);
      return Math.max(waitFor(pair(name, from), freeForName), waitFor(from, freeForAddress));
    },
    recordAttempt(name, address) {
      const from = networkOf(address);
      add(pair(name, from));
      add(from);
    },
    recordSuccess(name, address) {
      const from = networkOf(address);
      debts.delete(pair(name, from));
      subtract(from);
    },
  };
}

function pair(name: string, network: string): string {
  return `${network} ${name}`;
}

/** Returns what counts as one client: an IPv4 address, or an IPv6 network (/64), of which a client has every address. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address;
  const [head = '', tail = ''] = address.split('::');
  const first = head.split(':').filter((group) => group !== '');
  const last = tail.split(':').filter((group) => group !== '');
  const zeros = Array.from({ length: Math.max(0, 8 - first.length - last.length) }, () => '0');
  return [...first, ...(address.includes('::') ? zeros : []), ...last].slice(0, 4).join(':');
}
