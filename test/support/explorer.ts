/** A machine of several actors that share a store. Stores and actors are values of JSON. */
export interface Machine<Store, Actor> {
  initial(): { readonly store: Store; readonly actors: readonly Actor[] };
  /** Returns the name of the next step of the actor at this index; undefined: it is at its end. */
  nextStep(index: number, actor: Actor): string | undefined;
  /** Takes the step. What it does depends on the store and the actor, and not on the other actors. */
  step(store: Store, index: number, actor: Actor): Move<Store> & { readonly actor: Actor };
  /** Lets time pass without a step; undefined: not in this store. */
  tick(store: Store): Move<Store> | undefined;
  /** Returns what is wrong if all actors stop here; undefined: nothing. */
  atRest(store: Store): string | undefined;
  /** Two actors that run the same program. `swap` returns the store in which each has the place of the other. */
  readonly twins: { readonly indexes: readonly [number, number]; swap(store: Store): Store } | undefined;
}

export interface Move<Store> {
  readonly after: Store;
  /** The invariant that does not hold. */
  readonly broken: string | undefined;
}

export interface Exploration {
  readonly states: number;
  readonly transitions: number;
  /** Different contents of the store among the states. */
  readonly stores: number;
  /** The first state that breaks an invariant, with the steps that lead to it. */
  readonly violation: string | undefined;
}

interface Node {
  readonly store: number;
  readonly actors: number;
  readonly path: Path | undefined;
}

interface Path {
  readonly label: string;
  readonly before: Path | undefined;
}

/** A move between numbered stores and actors. */
interface KnownMove {
  readonly store: number;
  readonly actor: number;
  readonly broken: string | undefined;
}

/** Keys of steps have this much space for the index of an actor. */
const mostActors = 16;

/** Keys of states have this much space for the number of a group: the states of all actors together. */
const mostGroups = 2 ** 22;

/** Index of the clock among the actors. */
const clock = -1;

/**
 * Explores every order of the steps. Each store and each actor's state gets a number and each step is taken once from a store,
 * so that millions of states cost little more than the different stores among them.
 */
export function explore<Store, Actor>(machine: Machine<Store, Actor>): Exploration {
  const [stores, actors, groups] = [numbering<Store>(), numbering<Actor>(), numbering<readonly number[]>()];
  const [takeStep, takeTick] = [rememberedSteps(machine, stores, actors), rememberedTicks(machine, stores)];
  const isNew = createFilter(machine, stores, groups);
  const rested = new Set<number>();
  const first = machine.initial();
  const start = { store: stores.numberOf(first.store), actors: groups.numberOf(first.actors.map(actors.numberOf)) };
  const waiting: Node[] = [{ ...start, path: undefined }];
  isNew(start.store, start.actors);
  let [states, transitions] = [1, 0];
  const end = (violation?: string): Exploration => ({ states, transitions, stores: stores.count(), violation });

  for (let node = waiting.pop(); node; node = waiting.pop()) {
    if (!rested.has(node.store)) {
      rested.add(node.store);
      const found = machine.atRest(stores.valueOf(node.store));
      if (found !== undefined) return end(`${found} at rest, after${textOf(node.path)}`);
    }
    const group = groups.valueOf(node.actors);
    for (let index = clock; index < group.length; index++) {
      const actor = group[index];
      const label = actor === undefined ? 'tick' : machine.nextStep(index, actors.valueOf(actor));
      const move =
        actor === undefined ? takeTick(node.store) : label === undefined ? undefined : takeStep(node.store, index, actor);
      if (!move || label === undefined) continue;
      transitions++;
      const path = { label, before: node.path };
      if (move.broken !== undefined) return end(`${move.broken}, after${textOf(path)}`);
      const after = actor === undefined || move.actor === actor ? node.actors : groups.numberOf(group.with(index, move.actor));
      if (!isNew(move.store, after)) continue;
      states++;
      waiting.push({ store: move.store, actors: after, path });
    }
  }
  return end();
}

type Numbering<Value> = ReturnType<typeof numbering<Value>>;

/** Gives equal values the same number, from 0 on. */
function numbering<Value>() {
  const numbers = new Map<string, number>();
  const values: Value[] = [];
  return {
    numberOf(value: Value): number {
      const key = JSON.stringify(value);
      const found = numbers.get(key);
      if (found !== undefined) return found;
      numbers.set(key, values.length);
      return values.push(value) - 1;
    },
    valueOf: (number: number): Value => values[number] as Value,
    count: () => values.length,
  };
}

function rememberedSteps<Store, Actor>(machine: Machine<Store, Actor>, stores: Numbering<Store>, actors: Numbering<Actor>) {
  if (machine.initial().actors.length > mostActors) throw new RangeError(`a machine has at most ${mostActors} actors`);
  /** By the store; then by the actor's index and state. */
  const known: Map<number, KnownMove>[] = [];
  return (store: number, index: number, actor: number): KnownMove => {
    const moves = (known[store] ??= new Map<number, KnownMove>());
    const key = actor * mostActors + index;
    let move = moves.get(key);
    if (!move) {
      const taken = machine.step(stores.valueOf(store), index, actors.valueOf(actor));
      move = { store: stores.numberOf(taken.after), actor: actors.numberOf(taken.actor), broken: taken.broken };
      moves.set(key, move);
    }
    return move;
  };
}

function rememberedTicks<Store, Actor>(machine: Machine<Store, Actor>, stores: Numbering<Store>) {
  const known = new Map<number, KnownMove | undefined>();
  return (store: number): KnownMove | undefined => {
    if (!known.has(store)) {
      const taken = machine.tick(stores.valueOf(store));
      known.set(store, taken && { store: stores.numberOf(taken.after), actor: clock, broken: taken.broken });
    }
    return known.get(store);
  };
}

/** Returns a function that is true for each state once. A state is the same as the one where the twins have changed places. */
function createFilter<Store, Actor>(
  { twins }: Machine<Store, Actor>,
  stores: Numbering<Store>,
  groups: Numbering<readonly number[]>,
): (store: number, actors: number) => boolean {
  const seen = new Set<number>();
  const swappedStores: number[] = [];
  const swappedGroups: number[] = [];
  // Both numbers in one: a set of numbers takes the least memory.
  const keyOf = (store: number, actors: number) => {
    if (actors >= mostGroups) throw new RangeError(`the actors of a machine have at most ${mostGroups} states together`);
    return store * mostGroups + actors;
  };
  const swapStore = (store: number) => (swappedStores[store] ??= stores.numberOf(twins?.swap(stores.valueOf(store)) as Store));
  const swapGroup = (actors: number) => (swappedGroups[actors] ??= groups.numberOf(swapped(groups.valueOf(actors))));
  const swapped = (group: readonly number[]) => {
    const [one, other] = twins?.indexes ?? [0, 0];
    return group.with(one, group[other] ?? 0).with(other, group[one] ?? 0);
  };
  return (store, actors) => {
    const key = keyOf(store, actors);
    const canonical = twins ? Math.min(key, keyOf(swapStore(store), swapGroup(actors))) : key;
    if (seen.has(canonical)) return false;
    seen.add(canonical);
    return true;
  };
}

function textOf(path: Path | undefined): string {
  const labels: string[] = [];
  for (let step = path; step; step = step.before) labels.push(` · ${step.label}`);
  return labels.reverse().join('');
}
