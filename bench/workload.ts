import type { Server } from './server.ts';

/** What is measured of one run of a workload on one server. */
export interface Measure {
  /** What the CPU seconds and the wall time are divided by: requests, GiB, images. */
  readonly units: number;
}

export interface Workload {
  readonly name: string;
  /** What one unit is: `request`, `GiB`. */
  readonly unit: string;
  /** Prepares a server's data, once, before the first run. */
  prepare?(server: Server, scale: Scale): Promise<void>;
  /** One run. Called alternately on every server. */
  run(server: Server, scale: Scale, round: number): Promise<Measure>;
}

/** Sizes: the full ones, or small ones to see that everything works. */
export interface Scale {
  readonly quick: boolean;
}
