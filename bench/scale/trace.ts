/**
 * A pull trace with the distribution of production registries (Anwar et al., "Improving Docker Registry Design
 * based on Production Workload Analysis", FAST '18): 65 % of layers below 1 MB, 80 % below 10 MB, popularity skewed,
 * 90–95 % of operations pulls, layers shared through base images. Equal seeds give equal traces.
 */
export interface TraceOptions {
  readonly images: number;
  readonly clients: number;
  readonly operations: number;
  readonly pushPart: number;
  readonly seed: number;
}

export interface Image {
  readonly id: number;
  readonly layers: readonly Layer[];
}

export interface Layer {
  readonly id: number;
  readonly bytes: number;
}

export interface Operation {
  readonly kind: 'pull' | 'push';
  readonly image: Image;
  readonly client: number;
}

/** Parameters of log-normal sizes through both published quantiles, limited to the largest layer of registries. */
const logMean = 5.157;
const logDeviation = 2.188;
const largestLayerBytes = 5e8;

/** Numbers of layers that an image has from its base and of its own. */
const baseLayers = 4;
const ownLayers = [2, 10] as const;
const bases = 50;
/** Exponent of the popularity: the nth image gets n^-s times the pulls of the first. */
const skew = 0.9;
/** A client is a node that runs some services, and sometimes another image. */
const favourites = 20;
const favouritePart = 0.8;

export function* operations({ images: count, clients, operations: wanted, pushPart, seed }: TraceOptions): Generator<Operation> {
  const random = createRandom(seed);
  const newLayer = createLayers(random);
  const base = Array.from({ length: bases }, () => Array.from({ length: baseLayers }, newLayer));
  const baseChoice = createZipf(bases, random);
  const newImage = (id: number): Image => {
    const own = ownLayers[0] + Math.floor(random() * (ownLayers[1] - ownLayers[0] + 1));
    return { id, layers: [...(base[baseChoice()] ?? []), ...Array.from({ length: own }, newLayer)] };
  };
  const images = Array.from({ length: count }, (_, id) => newImage(id));
  const imageChoice = createZipf(count, random);
  const liked = Array.from({ length: clients }, () => Array.from({ length: favourites }, imageChoice));
  const choose = (client: number) => {
    const favourite = liked[client]?.[Math.floor(random() * favourites)];
    return favourite !== undefined && random() < favouritePart ? favourite : imageChoice();
  };
  for (let done = 0; done < wanted; done++) {
    const client = Math.floor(random() * clients);
    const isPush = random() < pushPart;
    const place = isPush ? imageChoice() : choose(client);
    // A push changes the image's own layers, as a build does.
    if (isPush) images[place] = { ...newImage(done + count), id: place };
    const image = images[place];
    if (image) yield { kind: isPush ? 'push' : 'pull', image, client };
  }
}

/** Returns a generator of numbers in [0, 1): mulberry32. */
function createRandom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

function createLayers(random: () => number): () => Layer {
  let id = 0;
  return () => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return { id: id++, bytes: Math.round(Math.min(largestLayerBytes, 10 ** (logMean + logDeviation * normal))) };
  };
}

/** Returns a function that draws ranks from 0, by binary search in the summed weights. */
function createZipf(count: number, random: () => number): () => number {
  const sums = new Float64Array(count);
  let sum = 0;
  for (let rank = 0; rank < count; rank++) sums[rank] = sum += (rank + 1) ** -skew;
  return () => {
    const wanted = random() * sum;
    let [low, high] = [0, count - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
