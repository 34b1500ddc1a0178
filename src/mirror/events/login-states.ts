import type { MirrorEvents } from './mirror-events.ts';

/** The logins that upstreams refused at their last use. */
export interface LoginStates {
  /** Records the outcome of a login. `key`: its place in the configuration. */
  note(upstream: string, key: string, isAccepted: boolean): void;
  /** Returns the number of refused logins of each upstream; upstreams whose logins were not used yet are left out. */
  refused(): readonly { readonly upstream: string; readonly count: number }[];
  /** Forgets the logins of an upstream. */
  forget(upstream: string): void;
}

export function createLoginStates(events: Pick<MirrorEvents, 'loginRefused'>): LoginStates {
  /** The keys of refused logins, by upstream. */
  const states = new Map<string, Set<string>>();

  return {
    note(upstream, key, isAccepted) {
      const refused = states.get(upstream) ?? new Set();
      states.set(upstream, refused);
      if (isAccepted) refused.delete(key);
      else if (!refused.has(key)) {
        refused.add(key);
        events.loginRefused(upstream, key);
      }
    },
    refused: () => [...states].map(([upstream, { size: count }]) => ({ upstream, count })),
    forget: (upstream) => void states.delete(upstream),
  };
}
