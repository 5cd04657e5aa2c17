-- Windows: counters that end by themselves, `period` ms after their first event.
-- They are the last KEYS; the last of ARGV has their limits and periods, eight bytes for each number.

local numbers = ARGV[#ARGV]

local function limit(i)
  return (struct.unpack('>I8', numbers, #numbers - 16 * (#KEYS - i) - 15))
end

local function period(i)
  return (struct.unpack('>I8', numbers, #numbers - 16 * (#KEYS - i) - 7))
end

-- {ms until it ends, its place} of the full window that ends last; nil: none is full.
-- The place is counted from the end: -1 is the last of KEYS.
local function full(first, last)
  local found
  for i = first, last do
    if tonumber(redis.call('GET', KEYS[i]) or 0) >= limit(i) then
      local left = math.max(redis.call('PTTL', KEYS[i]), 1)
      if not found or left > found[1] then
        found = {left, i - #KEYS - 1}
      end
    end
  end
  return found
end

local function count(first, last)
  for i = first, last do
    if redis.call('INCR', KEYS[i]) == 1 then
      redis.call('PEXPIRE', KEYS[i], period(i))
    end
  end
end

-- A window that has no events any more is closed.
local function uncount(first, last, by)
  for i = first, last do
    local events = tonumber(redis.call('GET', KEYS[i]) or 0)
    if events > by then
      redis.call('DECRBY', KEYS[i], by)
    else
      redis.call('DEL', KEYS[i])
    end
  end
end

local function forget(first, last)
  for i = first, last do
    redis.call('DEL', KEYS[i])
  end
end
