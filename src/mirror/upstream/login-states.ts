/** Which logins upstreams refuse, as of their last use. */
export interface LoginStates {
  /** `key`: where the operator has written the login. */
  note(upstream: string, key: string, isAccepted: boolean): void;
  /** How many logins of each upstream are refused now; upstreams whose logins have not been used yet are left out. */
  refused(): readonly { readonly upstream: string; readonly count: number }[];
}

export interface LoginStatesOptions {
  /** A login that was accepted, or not used before, has been refused. */
  readonly onRefused: (upstream: string, key: string) => void;
}

export function createLoginStates({ onRefused }: LoginStatesOptions): LoginStates {
  /** The keys of refused logins, by upstream. */
  const states = new Map<string, Set<string>>();

  return {
    note(upstream, key, isAccepted) {
      const refused = states.get(upstream) ?? new Set();
      states.set(upstream, refused);
      if (isAccepted) refused.delete(key);
      else if (!refused.has(key)) {
        refused.add(key);
        onRefused(upstream, key);
      }
    },
    refused: () => [...states].map(([upstream, { size: count }]) => ({ upstream, count })),
  };
}
