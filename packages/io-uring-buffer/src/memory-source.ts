/** Pages a mapping got: huge pages reserved by the administrator, transparent huge pages, or the system's small ones. */
export type PageKind = 'hugetlb' | 'thp' | '4k';

/** How to ask for memory. */
export interface MapOptions {
  /** `'try'` climbs down the ladder hugetlb, THP, small pages; `'never'` starts at its foot. */
  readonly hugePages: 'try' | 'never';
}

/** Where kernel-visible memory comes from: mmap(2) behind the native addon, an ArrayBuffer in tests. */
export interface MemorySource {
  /**
   * Maps `byteLength` zeroed bytes, starting at a page boundary, that stay where they are.
   * Throws the system's error (ENOMEM) when there are none.
   */
  map(byteLength: number, options: MapOptions): Mapping;
}

/** Memory that does not move for its whole life. */
export interface Mapping {
  /** The bytes: one ArrayBuffer for the life of the mapping, at least as many as were asked for. */
  readonly bytes: Uint8Array;
  /** Low 32 bits of the address of the first byte, unsigned. */
  readonly addressLow: number;
  /** High 32 bits of the address of the first byte, unsigned. */
  readonly addressHigh: number;
  /** What the ladder ended at. */
  readonly pageKind: PageKind;
  /** Gives the memory up. The source decides when it unmaps: never while JavaScript can still reach a view. */
  release(): void;
}
