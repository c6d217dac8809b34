"""From a drift to a request for new data and a new policy, under rules that people write."""
