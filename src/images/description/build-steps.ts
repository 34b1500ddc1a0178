import { fieldsOf, textOf } from '../../oci/foreign-json.ts';

/** A step of the build, oldest first. */
export interface BuildStep {
  readonly instruction: string;
  /** True if it made no layer. */
  readonly isEmpty: boolean;
}

/** Reads the `history` of a configuration (image-spec, config.md). */
export function stepsOf(history: unknown): readonly BuildStep[] {
  return (Array.isArray(history) ? (history as readonly unknown[]) : []).map((entry) => {
    const fields = fieldsOf(entry);
    return {
      instruction: instructionOf(textOf(fields['created_by']) ?? textOf(fields['comment']) ?? ''),
      isEmpty: fields['empty_layer'] === true,
    };
  });
}

/** Returns what stood in the Dockerfile: builders write it behind the shell that ran it. */
export function instructionOf(createdBy: string): string {
  const text = createdBy.replace(/\s*# buildkit$/, '').trim();
  const classic = /^(?:\|\d+ .*?)?\/bin\/sh -c (#\(nop\)\s*)?([^]*)$/.exec(text);
  if (classic) return classic[1] === undefined ? `RUN ${classic[2] ?? ''}` : (classic[2] ?? '').trim();
  return text.replace(/^RUN (?:\|\d+ .*? )?\/bin\/sh -c /, 'RUN ');
}
