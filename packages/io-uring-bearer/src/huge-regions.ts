import { type Mapping, PAGE_BYTES } from '@ringbearer/io-uring-buffer';

/** A huge page of x86-64 and of arm64 with small pages of 4 KiB. Smaller requests share regions of this size. */
export const HUGE_PAGE_BYTES = 2 << 20;

/** A region that small requests are cut from, front to back. */
interface Region {
  readonly mapping: Mapping;
  used: number;
}

/**
 * Memory on huge pages, for requests of any size: those smaller than a huge page share one. What is cut off is never given back here: the store
 * uses it again as a whole.
 */
export class HugeRegions {
  readonly #map: (byteLength: number) => Mapping;
  #regions: Region[] = [];

  /** @param map maps so many bytes on huge pages, or on what can be had */
  constructor(map: (byteLength: number) => Mapping) {
    this.#map = map;
  }

  /** `byteLength` bytes, a multiple of a page. @throws the system's error */
  cut(byteLength: number): Mapping {
    if (byteLength >= HUGE_PAGE_BYTES) return this.#map(byteLength);
    let region = this.#regions.find(({ used }) => used + byteLength <= HUGE_PAGE_BYTES);
    if (region === undefined) {
      region = { mapping: this.#map(HUGE_PAGE_BYTES), used: 0 };
      this.#regions.push(region);
    }
    const { mapping, used } = region;
    region.used += byteLength;
    // Full ones are looked at no more.
    this.#regions = this.#regions.filter((each) => each.used + PAGE_BYTES <= HUGE_PAGE_BYTES);
    const low = mapping.addressLow + used;
    return {
      bytes: mapping.bytes.subarray(used, used + byteLength),
      addressLow: low >>> 0,
      addressHigh: low > 0xffff_ffff ? mapping.addressHigh + 1 : mapping.addressHigh,
      pageKind: mapping.pageKind,
      release: () => {},
    };
  }

  /** Forgets every region: the ring closes. */
  clear(): void {
    this.#regions = [];
  }
}
