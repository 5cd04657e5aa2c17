-- Windows: counters that end by themselves, `period` ms after their first event.
-- They are the last KEYS; their limits and periods are the last of ARGV, a pair for each key.

local function limit(i)
  return tonumber(ARGV[#ARGV - 2 * (#KEYS - i) - 1])
end

local function period(i)
  return ARGV[#ARGV - 2 * (#KEYS - i)]
end

-- How long (ms) until none of these windows is full any more; 0: none is full.
local function wait(first, last)
  local longest = 0
  for i = first, last do
    if tonumber(redis.call('GET', KEYS[i]) or 0) >= limit(i) then
      longest = math.max(longest, redis.call('PTTL', KEYS[i]), 1)
    end
  end
  return longest
end

local function count(first, last)
  for i = first, last do
    if redis.call('INCR', KEYS[i]) == 1 then
      redis.call('PEXPIRE', KEYS[i], period(i))
    end
  end
end

-- An event taken back from a window that it opened closes the window.
local function uncount(first, last)
  for i = first, last do
    local events = tonumber(redis.call('GET', KEYS[i]) or 0)
    if events > 1 then
      redis.call('DECR', KEYS[i])
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
