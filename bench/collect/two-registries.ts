export interface RegistrySizes {
  /** Blobs of the two registries. */
  readonly small: number;
  readonly large: number;
  readonly events: number;
}

/** A registry under measurement. */
export interface MeasuredRegistry<Cost> {
  run(round: number): Promise<Cost>;
  close(): Promise<void>;
}

/** Measures two registries alternately: the last one of a round is the first of the next. Then closes both. */
export async function measureBoth<Cost>(
  registries: readonly [MeasuredRegistry<Cost>, MeasuredRegistry<Cost>],
  rounds: number,
): Promise<readonly [readonly Cost[], readonly Cost[]]> {
  const [small, large]: [Cost[], Cost[]] = [[], []];
  const turns = [
    { registry: registries[0], costs: small },
    { registry: registries[1], costs: large },
  ];
  try {
    for (let round = 0; round < rounds; round++) {
      for (const { registry, costs } of turns) costs.push(await registry.run(round));
      turns.reverse();
    }
  } finally {
    await Promise.all(registries.map((registry) => registry.close()));
  }
  return [small, large];
}
