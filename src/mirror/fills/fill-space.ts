/** Space on disk that the downloads in progress of this process may take together. */
export interface FillSpace {
  /** Reserves space for a whole blob and returns the function that releases it. Throws `FillSpaceExceeded`. */
  reserve(sizeBytes: number): () => void;
}

/** A download may not be written to disk, because other downloads have reserved the space. */
export class FillSpaceExceeded extends Error {
  override readonly name = 'FillSpaceExceeded';
}

export function createFillSpace(maxBytes: number): FillSpace {
  let reservedBytes = 0;
  return {
    reserve(sizeBytes) {
      if (reservedBytes + sizeBytes > maxBytes)
        throw new FillSpaceExceeded('mirror.downloadSpace is used up: the blob is passed on to its clients and not kept');
      reservedBytes += sizeBytes;
      let isReserved = true;
      return () => {
        if (isReserved) reservedBytes -= sizeBytes;
        isReserved = false;
      };
    },
  };
}
