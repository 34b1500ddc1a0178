/** Ends a check that has read an invalid value: the error of its key is reported already. */
export class InvalidValue extends Error {
  override readonly name = 'InvalidValue';
}

/** Adds a property that throws `InvalidValue` when it is read. */
export function defineInvalid(target: object, name: string): void {
  Object.defineProperty(target, name, {
    enumerable: true,
    get() {
      throw new InvalidValue(name);
    },
  });
}
