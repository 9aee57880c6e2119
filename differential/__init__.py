"""Random programs on both engines, under the same faults and messages: do they end alike?"""
