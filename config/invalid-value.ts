/** A check has read a key whose value is invalid: the error of the key is reported already. */
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
