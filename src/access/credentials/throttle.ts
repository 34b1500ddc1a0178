import { createLru } from '../../coordination/lru.ts';
import { networkOf } from '../../coordination/network.ts';

/**
 * Slows down password guessing. Only the guessing address has to wait: other addresses of the user are not locked out. Counts are
 * kept in this process.
 */
export interface Throttle {
  /**
   * Returns how long `address` has to wait before it may try a password of `name`; 0: not at all. `hasSucceeded`: this
   * address has logged in with this password before.
   */
  waitSeconds(name: string, address: string, hasSucceeded: boolean): number;
  /** Counts a password as wrong before it is checked: attempts that run at the same time all count. */
  recordAttempt(name: string, address: string): void;
  /** Takes the attempt back: its password could not be checked. */
  withdrawAttempt(name: string, address: string): void;
  /** Takes the attempt back, and forgets the wrong passwords of `name` at `address`. */
  recordSuccess(name: string, address: string): void;
}

/** Wrong passwords without a wait: for one name, for all names of an address, and after a success. */
const freeForName = 10;
const freeForAddress = 100;
const freeAfterSuccess = 1000;
/** Time after which one wrong password is forgotten. */
const forgetSeconds = 30;
const longestWaitSeconds = 30;
const maxRemembered = 50_000;

/** Each wrong password adds to the debt; time reduces it. */
interface Debt {
  readonly milliseconds: number;
  readonly at: number;
}

/** `now` in milliseconds. */
export function createThrottle(now: () => number): Throttle {
  const debts = createLru<Debt>(maxRemembered);

  function remainingDebt(key: string): number {
    const debt = debts.get(key);
    if (!debt) return 0;
    const passed = now() - debt.at;
    // The clock was set back: the debt is paid from now on.
    if (passed < 0) debts.set(key, { ...debt, at: now() });
    return Math.max(0, debt.milliseconds - Math.max(0, passed));
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
    withdrawAttempt(name, address) {
      const from = networkOf(address);
      subtract(pair(name, from));
      subtract(from);
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
