import type { MirrorEvents } from '../events/mirror-events.ts';

/** Which logins upstreams refuse, as of their last use. */
export interface LoginStates {
  /** `key`: where the operator has written the login. */
  note(upstream: string, key: string, isAccepted: boolean): void;
  /** How many logins of each upstream are refused now; upstreams whose logins have not been used yet are left out. */
  refused(): readonly { readonly upstream: string; readonly count: number }[];
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
  };
}
