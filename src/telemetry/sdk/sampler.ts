import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
} from '@opentelemetry/sdk-trace';

export interface SamplerSettings {
  readonly sampler: string;
  /** Part of the traces, from 0 to 1, for the samplers by ratio. */
  readonly ratio: number;
}

const samplers: Readonly<Record<string, (ratio: number) => Sampler>> = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
};

/** Creates the sampler of this name, one of those of `OTEL_TRACES_SAMPLER`. */
export function createSampler({ sampler, ratio }: SamplerSettings): Sampler {
  const create = samplers[sampler];
  if (!create) throw new Error(`there is no sampler ${sampler}`);
  return create(ratio);
}
