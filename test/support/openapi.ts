import fc from 'fast-check';

/** The parts of an OpenAPI 3.1 document that tests read. */
export interface OpenApiDocument {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, JsonSchema>> };
}

export interface Operation {
  readonly operationId: string;
  readonly parameters: readonly {
    readonly name: string;
    readonly in: 'path' | 'query';
    readonly required: boolean;
    readonly schema: JsonSchema;
  }[];
  readonly requestBody?: { readonly content: JsonContent };
  readonly responses: Readonly<Record<string, { readonly content?: JsonContent }>>;
}

/** Bodies of other types have no schema. */
type JsonContent = Readonly<Partial<Record<'application/json', { readonly schema: JsonSchema }>>>;

export interface JsonSchema {
  readonly type?: string;
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly items?: JsonSchema;
  readonly minimum?: number;
  readonly maximum?: number;
}

/** Values of a field, by its name, instead of those that its schema allows. */
export type Fields = Readonly<Record<string, fc.Arbitrary<unknown>>>;

/** Makes values that mostly meet the schema: some fields are missing, too many, or of another type. `words`: likely texts. */
export function valuesOf(schema: JsonSchema, words: readonly string[], fields: Fields = {}): fc.Arbitrary<unknown> {
  const fitting = fittingValues(schema, words, fields);
  return fc.oneof({ weight: 8, arbitrary: fitting }, { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 1 }) });
}

function fittingValues(schema: JsonSchema, words: readonly string[], fields: Fields): fc.Arbitrary<unknown> {
  const { anyOf, properties = {}, required = [], items = {}, minimum = -5, maximum = 2000 } = schema;
  if (anyOf) return fc.oneof(...anyOf.map((one) => fittingValues(one, words, fields)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  switch (schema.type ?? 'string') {
    case 'object': {
      const values = Object.entries(properties).map(
        ([name, one]) => [name, fields[name] ?? valuesOf(one, words, fields)] as const,
      );
      return fc.record(Object.fromEntries(values), { requiredKeys: [...required] });
    }
    case 'array':
      return fc.array(valuesOf(items, words, fields), { maxLength: 3 });
    case 'integer':
    case 'number':
      return fc.oneof(fc.integer({ min: Math.max(minimum, -5), max: Math.min(maximum, 2000) }), fc.constant(maximum));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    default:
      return fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 6 }));
  }
}
