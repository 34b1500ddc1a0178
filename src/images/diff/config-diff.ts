/** A field of the configuration of an image, such as `Env.PATH` or `Entrypoint`. */
export interface ChangedField {
  readonly field: string;
  /** JSON, or the text itself; null if only the other image has the field. */
  readonly from: string | null;
  readonly to: string | null;
}

type Fields = Readonly<Record<string, unknown>>;

/** Fields of the image itself (image-spec, config.md); `created` and `history` differ in each build and change nothing. */
const imageFields = ['architecture', 'os', 'variant', 'os.version', 'author'];
/** Fields of `config` that are sets or maps: each member is shown by itself. */
const mapFields = ['Labels', 'ExposedPorts', 'Volumes'];

/** Compares two configurations, by field. */
export function diffConfig(from: unknown, to: unknown): readonly ChangedField[] {
  const [before, after] = [flatten(from), flatten(to)];
  const fields = [...new Set([...before.keys(), ...after.keys()])].sort();
  return fields.flatMap((field) => {
    const [one, other] = [before.get(field) ?? null, after.get(field) ?? null];
    return one === other ? [] : [{ field, from: one, to: other }];
  });
}

function flatten(image: unknown): ReadonlyMap<string, string> {
  const fields = new Map<string, string>();
  const add = (field: string, value: unknown) => {
    if (value === undefined || value === null || value === '') return;
    fields.set(field, typeof value === 'string' ? value : JSON.stringify(value));
  };
  const top = asFields(image);
  for (const field of imageFields) add(field, top[field]);
  for (const [field, value] of Object.entries(asFields(top['config']))) {
    if (field === 'Env') for (const [name, text] of variables(value)) add(`Env.${name}`, text);
    else if (mapFields.includes(field))
      for (const [name, member] of Object.entries(asFields(value))) add(`${field}.${name}`, member);
    else add(field, value);
  }
  return fields;
}

function variables(env: unknown): readonly (readonly [string, string])[] {
  const items: readonly unknown[] = Array.isArray(env) ? env : [];
  return items
    .filter((item) => typeof item === 'string')
    .map((item) => {
      const equals = item.indexOf('=');
      return equals === -1 ? [item, ''] : [item.slice(0, equals), item.slice(equals + 1)];
    });
}

function asFields(value: unknown): Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}
