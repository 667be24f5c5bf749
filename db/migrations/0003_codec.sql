-- Blocks decoded in SQL: docs/block-format.md as functions, and the arithmetic of rollups.
--
-- Everything here is a pure function of bytes and numbers, and gives the same bits as db/codec/, on
-- any PostgreSQL, without an extension. Two things make that possible: integers up to 2^53 are exact
-- in a float8, and so is a product or quotient of a double and a power of two as long as the result
-- is a double. pow() of the platform's library is not used: nothing promises that it is exact.
--
-- A block's head is verified by its checksum (some 10 µs a block, 2 % of decoding it). Cells are
-- not, as everywhere where one of them is read alone: their codes and lengths are checked while they
-- are decoded, and PostgreSQL's own page checksums protect them at rest.
--
-- PL/pgSQL pays for every statement (some 50 ns) and much more for every call: hence the few large
-- functions, and the loops with few statements in them.

create schema codec;

comment on schema codec is 'Decoders of blocks, used by schema history. Internal: may change with any version';

create function codec.power_of_two(exponent integer) returns float8
language plpgsql immutable strict parallel safe as $$
declare
  result float8 := 1;
  rest integer := abs(exponent);
  step integer;
begin
  while rest > 0 loop
    step := least(rest, 62);
    -- 2^step is exact as a bigint and as a double, and so is every quotient down to 2^-1074
    if exponent > 0 then
      result := result * (1::bigint << step);
    else
      result := result / (1::bigint << step);
    end if;
    rest := rest - step;
  end loop;
  return result;
end
$$;

-- An unsigned big-endian integer of 1 to 4 bytes; rows and lengths are far below 2^31.
create function codec.word(bytes bytea, at integer, width integer) returns integer
language plpgsql immutable strict parallel safe as $$
declare
  result bigint := 0;
begin
  for i in at .. at + width - 1 loop
    result := result << 8 | get_byte(bytes, i);
  end loop;
  return result;
end
$$;

-- `count` values with equal differences, the first of them one difference after `value`.
create function codec.line(value bigint, slope bigint, count bigint, scales float8[])
returns float8[]
language plpgsql immutable strict parallel safe as $$
declare
  multiplier constant float8 := scales[1];
  divisor constant float8 := scales[2];
  divisor_again constant float8 := scales[3];
begin
  if slope = 0 then
    return array_fill(value * multiplier / divisor / divisor_again, array[count::integer]);
  end if;
  -- the series in the select list: in `from`, its rows would be stored in between
  return array(
    select (value + slope * generate_series(1, count)) * multiplier / divisor / divisor_again
  );
end
$$;

-- A scale as three numbers a, b, c: the value is m * a / b / c. Two of them are 1, or all but one
-- operation exact, so that each value is rounded as docs/block-format.md has it.
create function codec.scales(scale integer) returns float8[]
language plpgsql immutable strict parallel safe as $$
declare
  powers constant float8[] := array[1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22]::float8[];
begin
  return case
    when scale <= 22 then array[1, powers[1 + scale], 1]
    when scale <= 44 then array[powers[scale - 21], 1, 1]
    -- a quotient is rounded to nearest: this is the double nearest to 10^-(scale - 44)
    when scale <= 56 then array[1 / powers[scale - 43], 1, 1]
    else array[1, 1000, 1000]
  end;
end
$$;

-- Formats 0 (delta) and 1 (delta of delta).
create function codec.decimals(bytes bytea, rows integer) returns float8[]
language plpgsql immutable strict parallel safe as $$
declare
  format constant integer := get_byte(bytes, 0) >> 6;
  size constant integer := octet_length(bytes);
  scales constant float8[] := codec.scales(get_byte(bytes, 0) & 63);
  multiplier constant float8 := scales[1];
  divisor constant float8 := scales[2];
  divisor_again constant float8 := scales[3];
  at integer := 2;
  part bigint := get_byte(bytes, 1);
  weight integer := 6;
  value bigint := (part & 127) >> 1;
  vals float8[];
  k integer;
  base bigint;
  step bigint := 0;
  slope bigint := 0;
  bits varbit;
  place integer := 1;
  zeros integer;
  u bigint;
begin
  -- the signed varint: its sign is the lowest bit of the first byte
  while part > 127 loop
    part := get_byte(bytes, at);
    value := value | ((part & 127) << weight);
    weight := weight + 7;
    at := at + 1;
  end loop;
  if get_byte(bytes, 1) & 1 = 1 then
    value := -value;
  end if;
  if at = size then
    return codec.line(value, 0, rows, scales);
  end if;

  k := get_byte(bytes, at);
  base := 1::bigint << k;
  weight := 0;
  loop
    at := at + 1;
    part := get_byte(bytes, at);
    step := step | ((part & 127) << weight);
    weight := weight + 7;
    exit when part < 128;
  end loop;
  bits := ('x' || encode(substring(bytes from at + 2), 'hex'))::varbit;
  vals := array[value * multiplier / divisor / divisor_again];

  -- a code is at most 53 bits, so its first 1 is among the next 64
  loop
    zeros := position(B'1' in substring(bits from place for 64)) - 1;
    exit when zeros < 0;
    u := substring(bits from place + zeros for zeros + k + 1)::bigint - base;
    place := place + 2 * zeros + k + 1;
    if u <> 0 then
      -- even: u / 2, odd: -(u + 1) / 2; in format 0 there is no slope to be changed
      slope := slope * format + ((u >> 1) # -(u & 1)) * step;
      value := value + slope;
      vals := array_append(vals, value * multiplier / divisor / divisor_again);
    else
      -- a run of zeros, its length less one as a code of order 0
      zeros := position(B'1' in substring(bits from place for 64)) - 1;
      u := substring(bits from place + zeros for zeros + 1)::bigint;
      place := place + 2 * zeros + 1;
      if zeros < 0 or cardinality(vals) + u > rows then
        place := 0;
        exit;
      end if;
      slope := slope * format;
      if u < 8 then
        for i in 1 .. u loop
          value := value + slope;
          vals := array_append(vals, value * multiplier / divisor / divisor_again);
        end loop;
      else
        vals := vals || codec.line(value, slope, u, scales);
        value := value + slope * u;
      end if;
    end if;
  end loop;
  -- at most seven bits fill the last byte
  if cardinality(vals) > rows or length(bits) - place not between -1 and 6 then
    raise exception 'Cannot decode a column: it does not have % rows', rows
      using errcode = 'data_corrupted';
  end if;
  -- what is not written is zeros
  return vals || codec.line(value, slope * format, rows - cardinality(vals), scales);
end
$$;

-- Format 2: each value's 64 bits XORed with those of the one before.
create function codec.xored(bytes bytea, rows integer) returns float8[]
language plpgsql immutable strict parallel safe as $$
declare
  fraction_bits constant bigint := (1::bigint << 52) - 1;
  word bigint := ('x' || encode(substring(bytes from 2 for 8), 'hex'))::bit(64)::bigint;
  -- sign and exponent of the value before: mostly those of the next one, too
  head bigint;
  exponent integer;
  -- what they make of the fraction: the value is (fraction | hidden) * factor
  hidden bigint;
  factor float8;
  vals float8[];
  k integer;
  shift integer;
  bits varbit := '';
  size integer;
  place integer := 0;
  zeros integer;
begin
  if octet_length(bytes) > 9 then
    k := get_byte(bytes, 9);
    shift := get_byte(bytes, 10);
    bits := ('x' || encode(substring(bytes from 12), 'hex'))::varbit;
  end if;
  size := length(bits);
  loop
    if head is distinct from word >> 52 then
      head := word >> 52;
      exponent := head & 2047;
      if exponent = 2047 then
        raise exception 'Cannot decode a column: it holds a number that is not finite'
          using errcode = 'data_corrupted';
      end if;
      hidden := case when exponent = 0 then 0 else 1::bigint << 52 end;
      -- in one step for magnitudes from 2^-10 to 2^53
      factor := case when head < 0 then -1 else 1 end * case
        when exponent between 1013 and 1075 then 1::float8 / (1::bigint << (1075 - exponent))
        else codec.power_of_two(greatest(exponent, 1) - 1075)
      end;
    end if;
    vals := array_append(vals, (word & fraction_bits | hidden) * factor);
    exit when place >= size;
    -- a 0 is the same value again, and so may be the filling of the last byte
    if get_bit(bits, place) = 0 then
      zeros := position(B'1' in substring(bits from place + 1)) - 1;
      exit when zeros < 0;
      vals := vals || array_fill(vals[cardinality(vals)], array[zeros]);
      place := place + zeros;
    end if;
    zeros := position(B'1' in substring(bits from place + 2 for 65)) - 1;
    word := word # (substring(bits from place + zeros + 3 for k + zeros)::bigint << shift);
    place := place + 2 * zeros + k + 2;
  end loop;
  if cardinality(vals) > rows or size - place not between 0 and 7
    or position(B'1' in substring(bits from place + 1)) > 0
  then
    raise exception 'Cannot decode a column: it does not have % rows', rows
      using errcode = 'data_corrupted';
  end if;
  return vals || array_fill(vals[cardinality(vals)], array[rows - cardinality(vals)]);
end
$$;

-- The values of a column.
create function codec.column_values(bytes bytea, rows integer) returns float8[]
language plpgsql immutable strict parallel safe as $$
declare
  code integer;
begin
  if octet_length(bytes) = 0 then
    return array_fill(0::float8, array[rows]);
  end if;
  code := get_byte(bytes, 0);
  if code = 128 then
    return codec.xored(bytes, rows);
  end if;
  if code > 127 or code & 63 > 57 then
    raise exception 'Cannot decode a column: it has format % and scale %', code >> 6, code & 63
      using errcode = 'feature_not_supported',
      hint = 'a newer monitor has written it: run monitor migrate of that version';
  end if;
  return codec.decimals(bytes, rows);
end
$$;

-- The 256 remainders that CRC-32 is made of. Called without arguments, it is computed once a session.
create function codec.crc32_table() returns bigint[]
language sql immutable parallel safe as $$
  with recursive step (n, bits, remainder) as (
    select n, 0, n
    from generate_series(0, 255::bigint) as n
    union all
    select
      n,
      bits + 1,
      case when remainder & 1 = 1 then (remainder >> 1) # x'edb88320'::bigint else remainder >> 1 end
    from step
    where bits < 8
  )
  select array_agg(remainder order by n)
  from step
  where bits = 8
$$;

-- CRC-32 as in zlib.
create function codec.crc32(bytes bytea) returns bigint
language plpgsql immutable strict parallel safe as $$
declare
  remainders constant bigint[] := codec.crc32_table();
  crc bigint := x'ffffffff'::bigint;
begin
  for i in 0 .. octet_length(bytes) - 1 loop
    crc := (crc >> 8) # remainders[1 + ((crc # get_byte(bytes, i)) & 255)];
  end loop;
  return crc # x'ffffffff'::bigint;
end
$$;

-- How many rows a block has, after its head is verified.
create function codec.rows_of(head bytea) returns integer
language plpgsql immutable strict parallel safe as $$
declare
  crc constant bigint := ('x' || encode(substring(head from 17 for 4), 'hex'))::bit(32)::bigint;
begin
  if get_byte(head, 0) <> 1 then
    raise exception 'Cannot decode a block: it has version %, this database knows 1', get_byte(head, 0)
      using errcode = 'feature_not_supported',
      hint = 'a newer monitor has written it: run monitor migrate of that version';
  end if;
  if codec.crc32(substring(head for 16) || substring(head from 21)) <> crc then
    raise exception 'Cannot decode a block: its head does not have its checksum'
      using errcode = 'data_corrupted';
  end if;
  return codec.word(head, 4, 4);
end
$$;

-- The bytes of one cell (counted from 0). Reads two words of offsets and a slice of data, so that
-- data that is stored out of line is fetched for this cell alone.
create function codec.cell(head bytea, offsets bytea, data bytea, cell integer) returns bytea
language plpgsql immutable strict parallel safe as $$
declare
  width constant integer := get_byte(head, 2);
  words constant bytea := substring(offsets from 1 + cell * width for 2 * width);
  start constant integer := codec.word(words, 0, width);
begin
  return substring(data from 1 + start for codec.word(words, width, width) - start);
end
$$;

-- The values of an axis (counted from 0) of a head that is verified.
create function codec.axis(head bytea, axis integer) returns float8[]
language plpgsql immutable strict parallel safe as $$
declare
  at integer := 20;
  size integer;
  weight integer;
  part integer;
begin
  for i in 0 .. axis loop
    size := 0;
    weight := 0;
    loop
      part := get_byte(head, at);
      size := size | ((part & 127) << weight);
      weight := weight + 7;
      at := at + 1;
      exit when part < 128;
    end loop;
    at := at + size;
  end loop;
  return codec.column_values(substring(head from 1 + at - size for size), codec.word(head, 4, 4));
end
$$;

-- The columns of a rollup; null where one is not kept.
create function codec.rollup_columns(
  cell bytea,
  rows integer,
  out first float8[],
  out last float8[],
  out min float8[],
  out max float8[],
  out sum float8[],
  out lost float8[]
)
language plpgsql immutable strict parallel safe as $$
declare
  at integer := 3;
  code integer;
  size integer;
  weight integer;
  part integer;
  vals float8[];
begin
  if octet_length(cell) = 0 then
    first := array_fill(0::float8, array[rows]);
    last := first;
    min := first;
    max := first;
    sum := first;
    lost := first;
    return;
  end if;
  for i in 0 .. 5 loop
    code := get_byte(cell, i / 2) >> (4 - 4 * (i % 2)) & 15;
    if code = 1 then
      size := 0;
      weight := 0;
      loop
        part := get_byte(cell, at);
        size := size | ((part & 127) << weight);
        weight := weight + 7;
        at := at + 1;
        exit when part < 128;
      end loop;
      vals := codec.column_values(substring(cell from 1 + at for size), rows);
      at := at + size;
    else
      -- not kept, or the same as one before it
      vals := case code when 0 then null when 2 then first when 3 then last when 4 then min
        when 5 then max when 6 then sum end;
    end if;
    case i
      when 0 then first := vals;
      when 1 then last := vals;
      when 2 then min := vals;
      when 3 then max := vals;
      when 4 then sum := vals;
      when 5 then lost := vals;
    end case;
  end loop;
end
$$;

-- The double nearest to the exact sum (Shewchuk 1997); no partial sum may overflow.
create function codec.rounded_sum(terms float8[]) returns float8
language plpgsql immutable strict parallel safe as $$
declare
  -- the exact sum so far, as doubles that do not overlap, smallest first
  partials float8[] := '{}';
  kept integer := 0;
  count integer;
  term float8;
  large float8;
  small float8;
  sum float8;
  error float8;
begin
  foreach term in array terms loop
    count := kept;
    kept := 0;
    sum := term;
    for i in 1 .. count loop
      large := case when abs(sum) < abs(partials[i]) then partials[i] else sum end;
      small := case when abs(sum) < abs(partials[i]) then sum else partials[i] end;
      sum := large + small;
      error := small - (sum - large);
      if error <> 0 then
        kept := kept + 1;
        partials[kept] := error;
      end if;
    end loop;
    kept := kept + 1;
    partials[kept] := sum;
  end loop;
  sum := coalesce(partials[kept], 0);
  error := 0;
  while kept > 1 and error = 0 loop
    kept := kept - 1;
    small := partials[kept];
    large := sum;
    sum := large + small;
    error := small - (sum - large);
  end loop;
  -- half-way cases are decided by the sign of what is left below
  if kept > 1 and error <> 0 and sign(error) = sign(partials[kept - 1]) then
    small := error * 2;
    large := sum + small;
    if large - sum = small then
      sum := large;
    end if;
  end if;
  return sum;
end
$$;

-- The sum as in db/codec/sum.ts: that of decimals is the decimal, any other is rounded once. Null
-- when a term is.
create function codec.exact_sum(terms float8[]) returns float8
language plpgsql immutable strict parallel safe as $$
declare
  powers constant float8[] := array[1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
    1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22]::float8[];
  -- up to 2^51 decimals and doubles correspond one to one
  mantissa_max constant float8 := 1::bigint << 51;
  float8_max constant float8 := '1.7976931348623157e308';
  tiny constant float8 := codec.power_of_two(-1011);
  exponent integer := 1;
  power float8 := 1;
  term float8;
  mantissa float8;
  sum float8 := 0;
  magnitude float8 := 0;
  largest float8;
  decimal boolean := true;
begin
  if array_position(terms, null) is not null then
    return null;
  end if;
  -- the smallest power of ten that makes all of them integers
  <<search>>
  foreach term in array terms loop
    loop
      -- of larger ones not even the product can be made
      decimal := abs(term) <= mantissa_max;
      exit search when not decimal;
      mantissa := floor(term * power + 0.5);
      decimal := abs(mantissa) <= mantissa_max;
      exit search when not decimal;
      exit when mantissa / power = term;
      exponent := exponent + 1;
      decimal := exponent <= 23;
      exit search when not decimal;
      power := powers[exponent];
    end loop;
  end loop;
  if decimal then
    foreach term in array terms loop
      mantissa := floor(term * power + 0.5);
      decimal := abs(mantissa) <= mantissa_max and mantissa / power = term;
      exit when not decimal;
      sum := sum + mantissa;
      magnitude := magnitude + abs(mantissa);
    end loop;
    if decimal and magnitude < 1::bigint << 53 then
      return sum / power + 0;
    end if;
  end if;

  select max(abs(t)) into largest from unnest(terms) as t;
  if largest < float8_max / 1e6 then
    return codec.rounded_sum(terms) + 0;
  end if;
  -- PostgreSQL refuses to compute what overflows, or underflows to 0: everything 2^64 times smaller
  power := 1 / codec.power_of_two(64);
  if largest * power * cardinality(terms) < float8_max * power then
    return codec.rounded_sum(terms) + 0;
  end if;
  sum := codec.rounded_sum(array(
    select case when abs(t) <= tiny then 0 else t * power end
    from unnest(terms) as t
  ));
  if abs(sum) >= codec.power_of_two(960) then
    return sign(sum) * float8_max;
  end if;
  return sum / power + 0;
end
$$;

-- Minimum and maximum for which -0 is below 0; to PostgreSQL they are equal.
create function codec.smallest(vals float8[]) returns float8
language sql immutable strict parallel safe as $$
  select v
  from unnest(vals) as v
  order by v, float8send(v) desc
  limit 1
$$;

create function codec.largest(vals float8[]) returns float8
language sql immutable strict parallel safe as $$
  select v
  from unnest(vals) as v
  order by v desc, float8send(v)
  limit 1
$$;
