"""What two model stages share: encoders, exact top-k, ranking metrics, the recommender and its parts."""
