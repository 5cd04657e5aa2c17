-- KEYS: record, lease, windows to forget
-- ARGV: lease
-- Returns 1, or 0 if somebody else holds the lease

local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then
  return 0
end
redis.call('DEL', KEYS[1], KEYS[2])
forget(3, #KEYS)
return 1
